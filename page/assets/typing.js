// Whether keys belong to the field that has the focus, and not to the page.
function isTyping(target) {
  return target.isContentEditable || Boolean(target.closest(
    '.wipe, input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, dialog, [role=listbox], [role=option]'));
}
// For a moment after its end a dialog still has the focus.
function focusOf(event) { return event.target.closest('dialog:not([open])') ? document.body : event.target; }
// The letter or digit of a key: the one that it types, or the one printed there on most keyboards where it types none.
// Layouts of other scripts have other letters, and French ones have digits only together with Shift.
function plainKey(event) {
  if (/^[a-z0-9]$/i.test(event.key)) return event.key.toLowerCase();
  const place = /^(?:Key|Digit)([A-Z0-9])$/.exec(event.code);
  return place ? place[1].toLowerCase() : event.key.toLowerCase();
}
