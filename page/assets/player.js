// The player: which frame is shown, and every way to move. Moving stays in the browser; Python hears of the frame
// through the event 'moved' when the hand lets go or playback stops.
const part = (name) => element.querySelector('[data-part="' + name + '"]');
const act = (name) => element.querySelector('[data-act="' + name + '"]');
const canvas = element.querySelector('canvas.frame'), message = element.querySelector('.stage-message');
const slider = element.querySelector('.slider'), help = element.querySelector('dialog.help');
const SETTLE_MS = 250, AHEAD = 16;
let timeline = EMPTY_TIMELINE, current = 0, shownWish = 0, wish = 0, direction = 1;
let historyLength = 3, settleTimer = 0, playing = false, due = 0;

const inAddress = (session) => session.split('/').map(encodeURIComponent).join('/');
const addressOf = (index) => new URL('recorded/frame/' + index + '/' + inAddress(timeline.session) +
  '?version=' + timeline.version, document.baseURI).href;
const store = makeFrameStore(addressOf);
const track = makeActionTrack(part('track'), go);
const strip = makeFilmstrip(part('filmstrip'), part('history-note'), addressOf, go);

function say(text) { message.textContent = text; message.hidden = !text; }

function paint(index, bitmap) {
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width; canvas.height = bitmap.height;
  }
  canvas.getContext('2d').drawImage(bitmap, 0, 0);
  canvas.dataset.frame = index;
  canvas.setAttribute('aria-label', captionText(timeline, index));
  say('');
}

function fail(index, problem) {
  canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height);
  canvas.dataset.frame = index;
  say(problem.message);
}

// Pictures may arrive out of order; one that was wished for earlier than what is shown comes too late.
function request(index) {
  const mine = ++wish, ready = store.ready(index), of = timeline;
  if (ready) { shownWish = mine; paint(index, ready); return; }
  store.want(index, (bitmap) => {
    if (of === timeline && mine > shownWish) { shownWish = mine; paint(index, bitmap); }
  }, (problem) => {
    if (of === timeline && index === current) { shownWish = mine; fail(index, problem); }
  });
}

function nearby(index) {
  const indices = [];
  for (let i = 1; i <= AHEAD; i += 1) indices.push(index + i * direction);
  for (let i = 1; i <= 4; i += 1) indices.push(index - i * direction);
  return indices.map((i) => part('loop').checked ? (i + timeline.frames) % timeline.frames : i)
    .filter((i) => i >= 0 && i < timeline.frames);
}

// Every move ends here. `isSettled`: the hand has let go, so Python may hear of it at once.
function go(index, isSettled) {
  if (!timeline.frames) return;
  index = Math.min(timeline.frames - 1, Math.max(0, index));
  if (index !== current) direction = index > current ? 1 : -1;
  current = index;
  slider.value = index;
  slider.setAttribute('aria-valuetext', captionText(timeline, index));
  part('number').value = index;
  part('caption').textContent = captionText(timeline, index);
  track.show(index);
  request(index);
  store.prefetch(nearby(index));
  clearTimeout(settleTimer);
  if (isSettled) settle(); else if (!playing) settleTimer = setTimeout(settle, SETTLE_MS);
}

function settle() {
  clearTimeout(settleTimer);
  if (!timeline.frames) return;
  strip.show(timeline, current, historyLength);
  rememberPlace();
  if (props.value === current) return;
  props.value = current;
  trigger('moved', { frame: current });
}

function rememberPlace() {
  const address = new URL(location.href);
  address.searchParams.set('session', timeline.session);
  address.searchParams.set('frame', current);
  history.replaceState(history.state, '', address);
}

function pauseAfter(index) {
  if (part('speed').value !== 'recorded') return 1000 / Number(part('speed').value);
  const gap = 1000 * (timeline.times[index + 1] - timeline.times[index]);
  return Math.min(2000, Math.max(1000 / 60, gap || 0));
}

function setPlaying(next) {
  playing = next && timeline.frames > 1;
  act('play').textContent = playing ? 'Pause' : 'Play';
  act('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
  if (!playing) { settle(); return; }
  if (current === timeline.frames - 1) go(0, false);
  due = performance.now() + pauseAfter(current);
  requestAnimationFrame(advance);
}

// A frame is shown when it is due and here; a late frame moves the schedule instead of skipping pictures.
function advance(now) {
  if (!playing) return;
  const isLast = current === timeline.frames - 1, next = isLast ? 0 : current + 1;
  if (isLast && !part('loop').checked) { setPlaying(false); return; }
  if (now >= due - 4 && store.isSettled(next)) {
    go(next, false);
    due = Math.max(due + pauseAfter(next), now);
  }
  requestAnimationFrame(advance);
}

function jump() {
  const typed = part('number').value.trim(), index = Number(typed);
  if (!timeline.frames) return;
  if (typed === '' || !Number.isInteger(index) || index < 0 || index >= timeline.frames) {
    say('There is no frame ' + (typed || 'without a number') + '; choose 0 to ' + (timeline.frames - 1) + '.');
    return;
  }
  setPlaying(false);
  go(index, true);
}

function isTyping(target) {
  return target.isContentEditable || Boolean(target.closest(
    'input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, dialog, [role=listbox], [role=option], [role=tab], [role=radiogroup]'));
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
  const stride = event.shiftKey ? 10 : 1, isRange = event.target.type === 'range' && event.target !== slider;
  const moves = { ArrowLeft: -stride, ArrowRight: stride, Home: -current, End: timeline.frames };
  if (event.key === '?') help.showModal();
  else if (event.key === ' ' && !event.target.closest('button, a, summary, label, input')) setPlaying(!playing);
  else if (event.key === ' ' && event.target === slider) setPlaying(!playing);
  else if (event.key in moves && !isRange) { setPlaying(false); go(current + moves[event.key], false); }
  else return;
  event.preventDefault();
}

async function open() {
  const wanted = props.recording, version = props.version;
  if (!wanted) { timeline = EMPTY_TIMELINE; return; }
  try {
    const response = await fetch(new URL('recorded/timeline/' + inAddress(wanted), document.baseURI));
    const told = await response.json();
    if (!response.ok) throw new Error(told.error);
    if (wanted !== props.recording || version !== props.version) return;
    begin(told);
  } catch (problem) {
    say(problem.message || 'The session did not arrive; reload the page and try again.');
  }
}

function begin(told) {
  setPlaying(false);
  store.clear();
  timeline = told; shownWish = wish; current = Number(props.value) || 0; direction = 1;
  slider.max = Math.max(0, timeline.frames - 1);
  slider.disabled = timeline.frames < 2;
  part('number').max = slider.max;
  element.querySelector('.player').dataset.session = timeline.session;
  track.open(timeline);
  if (timeline.frames) { say(''); go(current, true); return; }
  canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height);
  delete canvas.dataset.frame;
  part('caption').textContent = 'No frames';
  strip.show(timeline, 0, historyLength);
  say('This recording has no frames; pick another session.');
}

slider.addEventListener('input', () => { if (playing) setPlaying(false); go(Number(slider.value), false); });
slider.addEventListener('change', settle);
act('back').addEventListener('click', () => { setPlaying(false); go(current - 1, false); });
act('forward').addEventListener('click', () => { setPlaying(false); go(current + 1, false); });
act('play').addEventListener('click', () => setPlaying(!playing));
act('jump').addEventListener('click', jump);
act('help').addEventListener('click', () => help.showModal());
part('number').addEventListener('keydown', (event) => { if (event.key === 'Enter') jump(); });
part('speed').addEventListener('change', () => { due = performance.now(); });
document.addEventListener('keydown', onKey);
// A click elsewhere (Run, Load) must see the frame that the eye sees, also before the hand has settled.
document.addEventListener('pointerdown', (event) => { if (!element.contains(event.target)) settle(); }, true);
window.addEventListener('history-length', (event) => {
  historyLength = event.detail;
  strip.show(timeline, current, historyLength);
});
watch(['recording', 'version'], open);
watch('value', () => { if (timeline.frames && Number(props.value) !== current) go(Number(props.value), true); });
open();
