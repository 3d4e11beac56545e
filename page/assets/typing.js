// Whether keys belong to the field that has the focus, and not to the page.
function isTyping(target) {
  return target.isContentEditable || Boolean(target.closest(
    'input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, dialog, [role=listbox], [role=option]'));
}
// For a moment after its end a dialog still has the focus.
function focusOf(event) { return event.target.closest('dialog:not([open])') ? document.body : event.target; }
