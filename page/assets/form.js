// Fields of the tabs keep their values over a reload, in this browser tab and for the session that they were set for.
const FORM_KEY = 'session-explorer-form', FORM = '#model-column';
let restored = {};

function fieldOf(target) {
  const isField = target.matches && target.matches('input') && !target.matches('[data-part], .wipe input, [role=combobox], [type=text]');
  return isField && target.closest(FORM) ? target.closest('[id]:not(input)') : null;
}

function valueOf(field, used) {
  if (used.type === 'radio') return used.value;
  const box = field.querySelector('input[type=checkbox]');
  return box ? box.checked : field.querySelector('input[type=number]').value;
}

function setField(field, value) {
  const box = field.querySelector('input[type=checkbox]'), number = field.querySelector('input[type=number]');
  const choice = [...field.querySelectorAll('input[type=radio]')].find((one) => one.value === value);
  if (choice) { if (!choice.checked) choice.click(); return; }
  if (box) { if (box.checked !== value) box.click(); return; }
  if (!number || number === document.activeElement) return;
  number.value = value;
  ['input', 'change', 'blur'].forEach((kind) => number.dispatchEvent(new Event(kind, { bubbles: kind !== 'blur' })));
}

function keepField(event) {
  const field = event.isTrusted && fieldOf(event.target);
  if (!field || !timeline.session) return;
  const values = keptForm();
  values[field.id] = valueOf(field, event.target);
  sessionStore.setItem(FORM_KEY, JSON.stringify({ session: timeline.session, values }));
}

function keptForm() {
  const kept = JSON.parse(sessionStore.getItem(FORM_KEY) || '{}');
  return kept.session === timeline.session ? kept.values : {};
}

// Fields come on the page when their tab is opened, and listen a moment later: each is set when it is first seen, and
// once more.
function restoreFields() {
  Object.entries(restored).forEach(([id, value]) => {
    const field = document.getElementById(id);
    if (!field || !field.querySelector('input')) return;
    delete restored[id];
    [200, 900].forEach((wait) => setTimeout(() => setField(field, value), wait));
  });
}

function startKeepingForm() {
  restored = keptForm();
  restoreFields();
  ['input', 'change'].forEach((kind) => document.addEventListener(kind, keepField, true));
  new MutationObserver(restoreFields).observe(document.body, { subtree: true, childList: true });
}

// A decimal comma, typed or pasted: a browser with decimal points drops it, and 0,0005 would become 00005.
const HAS_COMMA = (1.5).toLocaleString().includes(',');
document.addEventListener('beforeinput', (event) => {
  if (HAS_COMMA || event.target.type !== 'number' || !/^[^.,]*,[^.,]*$/.test(event.data || '')) return;
  event.preventDefault();
  document.execCommand('insertText', false, event.data.replace(',', '.'));
});
