// Two pictures in one place, the one beneath left of a divider. All dividers of the page stand at one place, also those
// of the next result. The slider in each is for keys and screen readers; pointers and fingers move it here.
const wipeOf = (target) => (target.closest ? target.closest('.wipe') : null);

function setWipe(slider, percent) {
  slider.value = percent;
  document.documentElement.style.setProperty('--wipe', slider.value + '%');
}

function dragWipe(event) {
  const wipe = wipeOf(event.target);
  if (!wipe || !(event.buttons & 1)) return;
  const box = wipe.getBoundingClientRect();
  setWipe(wipe.querySelector('input'), (100 * (event.clientX - box.left)) / box.width);
}

document.addEventListener('pointerdown', (event) => {
  const wipe = wipeOf(event.target);
  if (!wipe || event.button) return;
  wipe.setPointerCapture(event.pointerId);
  event.preventDefault();  // nothing else is marked or dragged
  wipe.querySelector('input').focus({ preventScroll: true });
  dragWipe(event);
});
document.addEventListener('pointermove', dragWipe);
document.addEventListener('input', ({ target }) => { if (wipeOf(target)) setWipe(target, target.value); });
document.addEventListener('focusin', ({ target }) => {
  if (wipeOf(target)) target.value = parseFloat(document.documentElement.style.getPropertyValue('--wipe')) || 0;
});
