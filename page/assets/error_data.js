// What Python knows of a recording's errors goes on to the player's error track.
const tell = () => { if (props.value) document.dispatchEvent(new CustomEvent('recorded-errors', { detail: props.value })); };
watch('value', tell);
tell();
