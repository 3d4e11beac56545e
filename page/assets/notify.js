// A notification of the system when a run ends, if the visitor wants one. Permission is asked for when the switch is
// pressed, never else. A switch that is on after a reload stays on only if permission was given.
const NO_NOTIFICATIONS = 'Not available here: browsers notify only for pages opened by https or on this computer.';
const BLOCKED = 'Your browser blocks notifications from this page.';
let runInProgress = '';

const notifyBox = () => document.querySelector('#notify-end input');

function notifyNote(text) {
  const label = notifyBox().closest('label');
  label.querySelectorAll('small').forEach((note) => note.remove());
  if (!text) return;
  const note = document.createElement('small');
  note.setAttribute('role', 'status');
  note.textContent = text;
  label.append(note);
}

async function notifyPermission(mayAsk) {
  if (!window.isSecureContext || !('Notification' in window)) return 'missing';
  const known = Notification.permission;
  return known === 'default' && mayAsk ? Notification.requestPermission() : known;
}

async function onNotifySwitch(event) {
  const box = notifyBox();
  if (!box || event.target !== box) return;
  notifyNote('');
  if (!box.checked) return;
  const permission = await notifyPermission(event.isTrusted);
  if (permission === 'granted') return;
  box.click();
  if (event.isTrusted) notifyNote(permission === 'missing' ? NO_NOTIFICATIONS : BLOCKED);
}

function notifyOfEnd() {
  const now = document.querySelector('#training-view [data-run]');
  const isInProgress = now && now.dataset.state === 'active', box = notifyBox();
  const hasEnded = now && !isInProgress && runInProgress && now.dataset.run === runInProgress;
  if (isInProgress && !runInProgress && view.offsetParent) view.scrollIntoView({ block: 'nearest' });  // it has begun
  runInProgress = isInProgress ? now.dataset.run : '';
  if (!hasEnded || !box || !box.checked) return;
  const outcome = now.querySelector('#training-outcome');
  try {
    const notice = new Notification(now.dataset.title, { body: outcome ? outcome.textContent : '', tag: now.dataset.run });
    notice.onclick = () => { window.focus(); notice.close(); };
  } catch {  // some browsers, such as Chrome on phones, have the class but not this use of it
    notifyNote(NO_NOTIFICATIONS);
  }
}

document.addEventListener('change', onNotifySwitch);
if (view) new MutationObserver(notifyOfEnd).observe(view, { childList: true, subtree: true });
notifyOfEnd();
