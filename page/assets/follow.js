// Results that follow the selected frame: the autoencoder's and the predictor's are computed anew whenever another frame
// is selected, if their tab is open and its switch is on. A switch that nobody has touched turns itself off if runs are
// slow here. A result of another frame is marked as such at any time, also if it arrives late.
const FOLLOWED = {
  autoencoder: { event: 'follow_autoencoder', key: () => current },
  predictor: { event: 'follow_predictor', key: () => current + ' ' + historyLength() },
};
const SLOW_MS = 1000, SLOW_RUNS = 2;
Object.values(FOLLOWED).forEach((one) => Object.assign(one, { asked: '', at: 0, slowRuns: 0, hasRun: false, isChosen: false }));

const switchOf = (name) => document.querySelector('#' + name + '-follow input');

function markStale() {
  marks.markFrames();
  document.querySelectorAll('.result[data-frame]').forEach((result) => {
    result.classList.toggle('stale', Number(result.dataset.frame) !== current);
  });
}

// `isForced`: also if nothing was selected anew, because the weights are others.
function followFrame(isForced) {
  if (!timeline.frames || playing) return;
  Object.entries(FOLLOWED).forEach(([name, one]) => {
    const box = switchOf(name), key = visit + ' ' + one.key();
    if (!box || !box.checked || box.offsetParent === null || (one.asked === key && !isForced)) return;
    one.asked = key; one.at = performance.now();
    trigger(one.event);
  });
}

function onResult(name) {
  const one = FOLLOWED[name];
  if (!one.at) return;
  const result = document.querySelector('#' + name + '-result .result[data-frame]');
  if (!result || Number(result.dataset.frame) !== current) return;
  const took = performance.now() - one.at;
  one.at = 0;
  one.slowRuns = took > SLOW_MS && one.hasRun ? one.slowRuns + 1 : 0;  // the first run also fills the caches
  one.hasRun = true;
  if (one.slowRuns >= SLOW_RUNS && !one.isChosen) turnOff(name, took);
}

function turnOff(name, took) {
  const box = switchOf(name), note = document.createElement('small');
  box.click();
  FOLLOWED[name].isChosen = false;
  note.textContent = 'off: a run takes ' + (took / 1000).toFixed(1) + ' s';
  box.closest('label').append(note);
}

function onSwitch(event) {
  Object.entries(FOLLOWED).forEach(([name, one]) => {
    if (event.target !== switchOf(name)) return;
    one.isChosen = true; one.asked = '';
    event.target.closest('label').querySelectorAll('small').forEach((note) => note.remove());
    followFrame(false);
  });
}

function startFollowing() {
  document.addEventListener('change', onSwitch);
  new MutationObserver((changes) => {
    const parts = changes.map(({ target }) => (target.nodeType === 1 ? target : target.parentElement)).filter(Boolean);
    if (parts.some((part) => part.closest('#model-column'))) markStale();
    Object.keys(FOLLOWED).forEach((name) => {
      if (parts.some((part) => part.closest('#' + name + '-result'))) onResult(name);
    });
    if (parts.some((part) => part.closest('#models-message'))) followFrame(true);
  }).observe(document.body, { subtree: true, childList: true });
}
