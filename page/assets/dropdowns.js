// Gradio 6.31 leaves the list of a dropdown open when the field is left with Tab, over what lies below. It closes on
// Escape, so that is what the field is told once the focus has gone.
document.addEventListener('focusout', (event) => {
  const field = event.target;
  if (!field.matches('[role=combobox]')) return;
  setTimeout(() => field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', code: 'Escape', bubbles: true })), 0);
}, true);
