"""The page of Session Explorer beside the Blocks script: the tabs with their components and views, the frame player,
the state of each visitor, event handlers, the web server, and the formatting of numbers, facts and pictures.

Imports the faces of session/, models/ and training/ and their modules of figures; never torch."""
