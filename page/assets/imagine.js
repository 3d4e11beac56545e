// The pad of the Imagine tab: buttons and keys for the robot's actions, and what Python answers: the imagined frame
// beside the truth. A press is sent through the event 'pressed' as the component's value, and the answer comes back as
// its value. Only one press is under way at a time: the next one is sent when the answer to it has come. Presses by hand
// wait meanwhile, in order; a held key and Repeat do not pile up.
const part = (name) => element.querySelector('[data-part="' + name + '"]');
const act = (name) => element.querySelector('[data-act="' + name + '"]');
const PATIENCE_MS = 30000, ASK_AGAIN_MS = 8000, MOST_WAITING = 20, RATE_OVER = 6;
let told = null, place = null, number = 0, underway = null, waiting = [], repeated = null, repeatTimer = 0, answers = [];
let sliders = null, channels = '', isAsking = false, lastSent = 0, askAgainTimer = 0;

const isOpen = () => element.offsetParent !== null;
const isBusy = () => underway !== null && performance.now() - underway.at < PATIENCE_MS;

function send(press) {
  number += 1;
  underway = { at: performance.now(), number, first: number };
  isAsking = true;
  document.dispatchEvent(new CustomEvent('before-ask'));  // the frame that the eye sees, also before the hand has settled
  isAsking = false;
  props.value = { press, number };
  trigger('pressed');
  askAgainLater();
}

// Gradio's own script may lose an answer (an event sent at the very moment when the stream of answers is being closed):
// what came of the press is asked for once more, and then whichever answer comes first counts.
function askAgainLater() {
  clearTimeout(askAgainTimer);
  askAgainTimer = setTimeout(() => {
    if (!isBusy()) return;
    number += 1;
    underway.number = number;
    props.value = { press: 'begin', number };
    trigger('pressed');
    askAgainLater();
  }, ASK_AGAIN_MS);
}

// By hand: every press counts.
function press(what) {
  if (typeof what === 'string') waiting = [];  // undo and reset are about what is seen, not about what still waits
  if (!isBusy()) send(what);
  else if (waiting.length < MOST_WAITING) waiting.push(what);
  showWaiting();
}

const isSessionOpen = () => Boolean((document.querySelector('#player .player') || { dataset: {} }).dataset.session);

function begin() {
  if (!isOpen() || !isSessionOpen()) return;
  if (isBusy()) { if (!waiting.length) waiting.push('begin'); } else send('begin');
}

function showWaiting() {
  const presses = waiting.filter((what) => what !== 'begin').length;
  part('rate').textContent = presses ? presses + (presses === 1 ? ' action queued' : ' actions queued') : rateText();
}

function rateText() {
  if (answers.length < 3) return '';
  const seconds = (answers[answers.length - 1] - answers[0]) / 1000;
  return ((answers.length - 1) / seconds).toPrecision(2) + ' frames/s';
}

function stopRepeating() {
  repeated = null;
  clearTimeout(repeatTimer);
  markRepeated();
}

function markRepeated() {
  const mark = (button, isRepeated) => {
    if (part('repeat').checked) button.setAttribute('aria-pressed', String(isRepeated));
    else button.removeAttribute('aria-pressed');
  };
  part('actions').querySelectorAll('button').forEach((button, index) => mark(button, index === repeated));
  mark(act('own'), Array.isArray(repeated));
}

// An action: its index, or values of the visitor's own. It is repeated until it is pressed once more, or another, or Undo
// or Reset.
function pressAction(action) {
  if (!told || action >= told.actions.length) return;
  if (!part('repeat').checked) { press(action); return; }
  const isSame = String(repeated) === String(action);
  stopRepeating();
  if (isSame) return;
  repeated = action;
  markRepeated();
  press(action);
}

function pressOwn() { if (sliders) pressAction(sliders.values()); }

function command(name) { stopRepeating(); press(name); }

function goOn() {
  if (waiting.length) { send(waiting.shift()); return; }
  if (repeated === null) return;
  const least = Number(part('speed').value) ? 1000 / Number(part('speed').value) : 0;
  clearTimeout(repeatTimer);
  repeatTimer = setTimeout(() => {
    if (!isOpen()) stopRepeating();
    else if (repeated !== null && !isBusy()) send(repeated);
  }, Math.max(0, least - (performance.now() - lastSent)));
}

function follow() {
  const answer = props.value;
  // Our own changes are reported back late; and what Python does not answer to us is of no concern.
  if (!answer || !('answered' in answer) || underway === null) return;
  const isOld = answer.answered !== null && (answer.answered < underway.first || answer.answered > underway.number);
  if (isOld) return;
  lastSent = underway.at;
  underway = null;
  if (answer.problem) { waiting = []; stopRepeating(); answers = []; } else { note(answer); draw(answer); }
  show('problem', answer.problem);
  goOn();
  showWaiting();
}

function note(answer) {
  const isNext = told && told.session === answer.session && answer.steps === told.steps + 1;
  const now = performance.now();
  // A pause is no slowness of the networks.
  answers = isNext && answers.length && now - answers[answers.length - 1] < 1500 ? [...answers, now].slice(-RATE_OVER) : [now];
}

function show(name, text) { part(name).textContent = text || ''; part(name).hidden = !text; }

function draw(answer) {
  if (!told || told.session !== answer.session || told.labels !== String(answer.actions.map((one) => one.label))) drawActions(answer.actions);
  drawSliders(answer);
  told = { ...answer, labels: String(answer.actions.map((one) => one.label)) };
  act('undo').disabled = !answer.can_undo;
  part('summary').textContent = answer.summary;
  show('notice', answer.notice);
  part('pair').hidden = false;
  part('imagined').src = answer.imagined;
  part('imagined').alt = answer.imagined_text;
  part('imagined-text').textContent = answer.imagined_text;
  part('truth').hidden = !answer.truth;
  part('unknown').hidden = Boolean(answer.truth);
  if (answer.truth) part('truth').src = answer.truth;
  part('truth').alt = answer.truth_text;
  part('truth-text').textContent = answer.truth_text;
  element.querySelector('.imagine').dataset.steps = answer.steps;
  part('strip').replaceChildren(...answer.strip.map(stripItem));
  part('strip').scrollLeft = part('strip').scrollWidth;
  markStale();
}

function drawActions(actions) {
  stopRepeating();
  part('actions').replaceChildren(...actions.map(({ name, label }, index) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(name || label);
    if (index < 9) {
      const key = document.createElement('kbd');
      key.textContent = index + 1;
      key.setAttribute('aria-hidden', 'true');
      button.append(key);
      button.setAttribute('aria-keyshortcuts', String(index + 1));
    }
    if (name) { const small = document.createElement('small'); small.textContent = label; button.append(small); }
    button.title = 'Imagine the next frame after this action' + (index < 9 ? ' (key ' + (index + 1) + ')' : '');
    button.addEventListener('click', () => pressAction(index));
    return button;
  }));
}

// The sliders keep their values while the same robot is shown.
function drawSliders(answer) {
  part('own').hidden = !answer.channels.length;
  const shown = JSON.stringify(answer.channels.map(({ name, low, high }) => [name, low, high]));
  if (shown === channels) return;
  channels = shown;
  sliders = answer.channels.length ? actionSliders(part('sliders'), answer.channels, () => {}) : null;
  if (sliders && answer.recorded) sliders.set(answer.recorded);
}

function stripItem(step) {
  const item = document.createElement('li'), imagined = document.createElement('img'), words = document.createElement('b');
  imagined.src = step.imagined;
  imagined.alt = 'Imagined after step ' + step.number;
  const truth = document.createElement(step.truth ? 'img' : 'i');
  if (step.truth) { truth.src = step.truth; truth.alt = 'Ground truth after step ' + step.number; } else truth.textContent = '?';
  words.textContent = step.number + ' ' + step.action;
  item.append(imagined, truth, words, step.error);
  return item;
}

function markStale() {
  const isOther = told && place && place.session === told.session && told.steps > 0 && place.frame !== told.start;
  show('stale', isOther ? 'Imagined from frame ' + told.start + ', not the selected frame. Reset starts at frame ' + place.frame + '.' : '');
}

// Another session begins its own dream; another frame does where nothing was imagined yet.
function follows(next) {
  const before = place || told;  // where this pad is younger than the player, what Python told
  const isOther = before && (before.session !== next.session || (place && place.visit !== next.visit));
  place = next;
  if (isOther) { stopRepeating(); waiting = []; underway = null; answers = []; showWaiting(); }
  const isDrawn = told && told.session === place.session;
  if (!told) setTimeout(begin, 100);  // as the page opens, another tab may be about to open
  else if (isOther || (isDrawn && !isAsking && !told.steps && told.start !== place.frame)) begin();
  markStale();
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || !isOpen() || isTyping(focusOf(event))) return;
  const key = plainKey(event), index = '123456789'.indexOf(key);
  if (key === '0' && sliders) { if (!event.repeat) pressOwn(); }
  else if (index >= 0 && told && index < told.actions.length) {
    // A held key is a wish for more as soon as there is room, not for as many as the keyboard repeats.
    if (!event.repeat) pressAction(index); else if (!isBusy() && repeated === null && !waiting.length) send(index);
  } else if (key === 'backspace' || key === 'u') { if (told && told.can_undo && !(event.repeat && isBusy())) command('undo'); }
  else if (key === 'r' && !event.shiftKey) { if (!event.repeat) command('reset'); }
  else return;
  event.preventDefault();
}

act('own').addEventListener('click', pressOwn);
act('as-recorded').addEventListener('click', () => { if (sliders && told.recorded) sliders.set(told.recorded); });
act('undo').addEventListener('click', () => command('undo'));
act('reset').addEventListener('click', () => command('reset'));
part('repeat').addEventListener('change', () => { stopRepeating(); });
document.addEventListener('keydown', onKey);
document.addEventListener('frame-selected', (event) => follows(event.detail));
new IntersectionObserver(() => {
  if (!isOpen()) { stopRepeating(); return; }
  if (!told || !told.steps || (place && place.session !== told.session)) begin();
}).observe(element);
watch('value', follow);
