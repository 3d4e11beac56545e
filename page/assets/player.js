// The player: which frame is shown, and every way to move. Moving stays in the browser; Python hears of the frame
// through the event 'moved' when the hand lets go or playback stops. The component's value is the place: session,
// version of its files, frame, and the visit that Python counts. So every event says which session its frame is of.
const part = (name) => element.querySelector('[data-part="' + name + '"]');
const act = (name) => element.querySelector('[data-act="' + name + '"]');
const canvas = element.querySelector('canvas.frame'), message = element.querySelector('.stage-message');
const slider = element.querySelector('.slider'), help = element.querySelector('dialog.help');
const SETTLE_MS = 250, LATE_MS = 2500, AHEAD = 16, GROWTH_MS = 2000, HISTORY_FIELD = '#history-length', USUAL_HISTORY = 3;
let timeline = EMPTY_TIMELINE, current = 0, shownWish = 0, wish = 0, direction = 1;
let lengthTimer = 0, isPageOpen = false, isFormKept = false, visit = null, settleTimer = 0, growthTimer = 0, lateTimer = 0, isLate = false, playing = false, due = 0;
const WIDE = matchMedia('(min-width: 800px)'), LEAST_STAGE = 150, MOST_STAGE = 640;

const inAddress = (session) => session.split('/').map(encodeURIComponent).join('/');
const addressOf = (index) => new URL('recorded/frame/' + index + '/' + inAddress(timeline.session) +
  '?version=' + timeline.version, document.baseURI).href;
const timelineAddress = (session) => new URL('recorded/timeline/' + inAddress(session), document.baseURI).href;
const store = makeFrameStore(addressOf);
const track = makeActionTrack(part('track'), go);
const errors = makeErrorTrack(part('errors'), go);
const marks = makeMarks(element, (session) => new URL('recorded/marks/' + inAddress(session), document.baseURI).href, seekMark, () => range);
const range = makeRange(element, () => { marks.show(current); });
const strip = makeFilmstrip(part('filmstrip'), part('history-note'), addressOf, go);

function say(text) { message.textContent = text; message.hidden = !text; }

function paint(index, bitmap) {
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width; canvas.height = bitmap.height;
  }
  canvas.getContext('2d').drawImage(bitmap, 0, 0);
  show(index);
  say('');
}

// The caption belongs to the picture: it changes with it.
function show(index) {
  stopWaiting();
  canvas.dataset.frame = index;
  canvas.setAttribute('aria-label', captionText(timeline, index));
  part('caption').textContent = captionText(timeline, index);
}

function blank() { canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height); }

function fail(index, problem) {
  blank();
  show(index);
  say(problem.message);
}

function stopWaiting() {
  clearTimeout(lateTimer);
  lateTimer = 0; isLate = false;
}

function awaitPicture() {
  if (isLate) sayLate(); else if (!lateTimer) lateTimer = setTimeout(sayLate, LATE_MS);
}

// A picture that does not come within seconds: this is said in place of the one before.
function sayLate() {
  isLate = true;
  blank();
  delete canvas.dataset.frame;
  canvas.setAttribute('aria-label', 'No frame');
  part('caption').textContent = captionText(timeline, current);
  say('Frame ' + current + ' has not arrived yet: the server or the network is slow. It is shown as soon as it is here.');
}

// Pictures may arrive out of order; one that was wished for earlier than what is shown comes too late.
function request(index) {
  const mine = ++wish, ready = store.ready(index), of = timeline;
  if (ready) { shownWish = mine; paint(index, ready); return; }
  awaitPicture();
  store.want(index, (bitmap) => {
    if (of !== timeline || mine <= shownWish || (isLate && index !== current)) return;
    shownWish = mine; paint(index, bitmap);
    if (index !== current) awaitPicture();
  }, (problem) => {
    if (of === timeline && index === current) { shownWish = mine; fail(index, problem); }
  });
}

function nearby(index) {
  const indices = [];
  for (let i = 1; i <= AHEAD; i += 1) indices.push(index + i * direction);
  for (let i = 1; i <= 4; i += 1) indices.push(index - i * direction);
  const low = range.low(), count = range.high() - low + 1;
  return indices.map((i) => part('loop').checked && count > 0 ? low + ((i - low) % count + count) % count : i)
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
  if (document.activeElement !== part('number')) part('number').value = index;
  if (canvas.dataset.frame === undefined) part('caption').textContent = captionText(timeline, index);
  track.show(index);
  errors.show(index);
  marks.show(index);
  request(index);
  markStale();
  store.prefetch(nearby(index), index);
  clearTimeout(settleTimer);
  if (isSettled) settle(); else if (!playing) settleTimer = setTimeout(settle, SETTLE_MS);
}

function seekMark(index) { setPlaying(false); go(index, true); }

function settle() {
  clearTimeout(settleTimer);
  if (!timeline.frames) return;
  strip.show(timeline, current, historyLength());
  rememberPlace();
  const isMoved = props.value.frame !== current;
  if (isMoved) { props.value = { ...props.value, frame: current }; trigger('moved', { frame: current }); }
  document.dispatchEvent(new CustomEvent('frame-selected', { detail: { session: timeline.session, visit, frame: current } }));
  followFrame(false);
}

// The field is part of the page, not of the player, and is on it only once its tab was opened.
function historyLength() {
  const field = document.querySelector(HISTORY_FIELD + ' input[type=number]');
  return Math.min(8, Math.max(2, Math.round(field ? Number(field.value) : 0) || USUAL_HISTORY));
}

// Another session is another page for Back; frames and tabs of a session are not.
function rememberPlace() {
  const address = new URL(location.href), before = address.searchParams.get('session');
  address.searchParams.set('session', timeline.session);
  address.searchParams.set('frame', current);
  history[before && before !== timeline.session ? 'pushState' : 'replaceState'](history.state, '', address);
}

// Back and Forward: the session, frame and tab of the address that was left.
function revisit() {
  const { searchParams } = new URL(location.href), session = searchParams.get('session'), frame = searchParams.has('frame') ? Number(searchParams.get('frame')) : null;
  openTabs();
  if (!session) return;
  if (session === timeline.session) { go(frame || 0, true); return; }
  reopen(session, frame);
}

function reopen(session, frame) {
  setPlaying(false);
  props.value = { ...props.value, session, frame };
  trigger('revisited');
}

function pauseAfter(index) {
  if (part('speed').value !== 'recorded') return 1000 / Number(part('speed').value);
  const gap = 1000 * (timeline.times[index + 1] - timeline.times[index]);
  return Math.min(2000, Math.max(1000 / 60, gap || 0));
}

function showPlaying(next) {
  playing = next;
  act('play').textContent = playing ? 'Pause' : 'Play';
  act('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
}

function setPlaying(next) {
  showPlaying(next && timeline.frames > 1);
  if (!playing) { settle(); return; }
  if (current >= range.high() || current < range.low()) go(range.low(), false);
  due = performance.now() + pauseAfter(current);
  requestAnimationFrame(advance);
}

// A frame is shown when it is due and here; a late frame moves the schedule instead of skipping pictures.
function advance(now) {
  if (!playing) return;
  const isLast = current >= range.high(), next = isLast ? range.low() : current + 1;
  if (isLast && !part('loop').checked) { setPlaying(false); return; }
  if (now >= due - 4 && store.isSettled(next)) {
    go(next, false);
    due = Math.max(due + pauseAfter(next), now);
  } else if (!store.isSettled(next)) {
    store.want(next, () => {}, () => {});
  }
  requestAnimationFrame(advance);
}

function jump() {
  const typed = part('number').value.trim(), index = Number(typed);
  if (!timeline.frames) return;
  if (typed === '' || !Number.isInteger(index) || index < 0 || index >= timeline.frames) {
    const found = typed ? 'There is no frame ' + typed : 'There is no number to jump to';
    say(found + '; choose 0 to ' + (timeline.frames - 1) + '.');
    return;
  }
  setPlaying(false);
  go(index, true);
}

function changeSpeed(step) {
  const speed = part('speed'), numbers = speed.options.length;
  speed.selectedIndex = Math.min(numbers - 1, Math.max(0, speed.selectedIndex + step));
  speed.dispatchEvent(new Event('change'));
}

function onKey(event) {
  const target = focusOf(event);
  // An empty note has no use for the arrows: they move the end of the range to flag.
  const isMove = ['ArrowLeft', 'ArrowRight'].includes(event.key) && target === part('flag-note') && !target.value;
  const isOthers = isTyping(target) || target.closest('[role=tab], [role=radiogroup]');  // they use the arrows themselves
  if (event.ctrlKey || event.altKey || event.metaKey || (isOthers && !isMove)) return;
  const stride = event.shiftKey ? 10 : 1, isRange = target.type === 'range' && target !== slider;
  const moves = { ArrowLeft: -stride, ArrowRight: stride, Home: -current, End: timeline.frames };
  if (event.key === '?' || (event.code === 'Slash' && event.shiftKey)) help.showModal();
  else if (plainKey(event) === 'f' && !event.shiftKey) marks.toggle();
  else if (plainKey(event) === 'l' && !event.shiftKey) part('loop').click();
  else if (plainKey(event) === 'i' && !event.shiftKey && timeline.frames) range.begin(current);
  else if (plainKey(event) === 'o' && !event.shiftKey && timeline.frames) range.end(current);
  else if (event.key === '<' || event.key === '>') changeSpeed(event.key === '>' ? 1 : -1);
  else if (event.key === ' ' && !target.closest('button, a, summary, label, input')) setPlaying(!playing);
  else if (event.key === ' ' && target === slider) setPlaying(!playing);
  else if (event.key in moves && !isRange) { setPlaying(false); go(current + moves[event.key], false); }
  else return;
  event.preventDefault();
}

async function open() {
  const { session, version } = props.value || {};
  const mine = visit = props.value ? props.value.visit : null;
  begin(EMPTY_TIMELINE);
  if (!props.value) { part('caption').textContent = 'Opening …'; return; }
  if (!isPageOpen) { isPageOpen = true; followTabs(() => followFrame(false)); }  // they ask Python about the session
  if (!session) return;
  say('Opening …');
  part('caption').textContent = 'Opening …';
  const isWanted = () => mine === visit;
  try {
    const response = await fetch(timelineAddress(session)).catch(() => {
      throw new Error('The server does not answer; check that it still runs, then reload the page.');
    });
    const told = await response.json().catch(() => ({}));
    if (!response.ok || !told.steps) {
      throw new Error(told.error || 'The server did not send this session; reload the page and try again.');
    }
    // The files may have grown since Python looked; what counts is that Python asked for this opening.
    if (isWanted()) begin({ ...told, version });
    if (isWanted() && !timeline.frames) sayEmpty();
    if (isWanted()) awaitGrowth(mine, told);
  } catch (problem) {
    if (isWanted()) { say(problem.message); part('caption').textContent = 'No frames'; }
  }
}

function sayEmpty() {
  say(timeline.may_grow ? 'This recording has no frames yet.' : 'This recording has no frames; pick another session.');
}

// A recording that is being recorded is looked at again, quietly and only while somebody sees it.
function awaitGrowth(mine, known) {
  clearTimeout(growthTimer);
  if (known.may_grow && mine === visit) growthTimer = setTimeout(() => lookForGrowth(mine, known), GROWTH_MS);
}

async function lookForGrowth(mine, known) {
  let told = known;
  if (!document.hidden) {
    const address = timelineAddress(known.session) + '?known=' + encodeURIComponent(known.version);
    const response = await fetch(address).catch(() => null);
    if (response && !response.ok) return;
    told = { ...known, ...(response ? await response.json().catch(() => ({})) : {}) };
    if (mine !== visit) return;
    if (told.version !== known.version) grow(told);
    const extent = document.querySelector('#session-facts [data-part=extent]');
    if (extent) extent.textContent = told.extent;
  }
  awaitGrowth(mine, told);
}

// Who stands at the last frame goes along; everybody else stays, with a longer way ahead. The version in the addresses
// of frames stays too: frames that are there already need not be sent again.
function grow(told) {
  if (!continues(told, timeline)) return;
  if (!timeline.frames) { begin({ ...told, version: timeline.version }); return; }
  const isAtEnd = current === timeline.frames - 1 && !playing;
  timeline = { ...told, version: timeline.version };
  fit();
  go(isAtEnd ? timeline.frames - 1 : current, isAtEnd);
}

function fit() {
  slider.max = Math.max(0, timeline.frames - 1);
  part('number').max = slider.max;
  const still = timeline.frames < 2;
  [slider, part('number'), ...['back', 'play', 'forward', 'jump'].map(act)].forEach((one) => { one.disabled = still; });
  track.open(timeline);
  errors.open(timeline);
  range.open(timeline);
  marks.open(timeline);
  fitStage();
}

// Beside the tabs the whole player fits into the window: the picture gets what the rest of the player leaves. The column
// sticks at its lower end if it is higher than the window.
function fitStage() {
  const stage = element.querySelector('.stage'), column = element.closest('#columns');
  if (!WIDE.matches || !column) { element.style.removeProperty('--stage-height'); return; }
  const top = column.getBoundingClientRect().top + scrollY, rest = element.offsetHeight - stage.offsetHeight;
  const height = Math.round(Math.min(MOST_STAGE, Math.max(LEAST_STAGE, innerHeight - top - rest - 14)));
  element.style.setProperty('--stage-height', height + 'px');
  column.style.setProperty('--column-top', Math.min(8, innerHeight - column.firstElementChild.offsetHeight - 8) + 'px');
}

// What was shown before is over: nothing of it may settle into the new place.
function begin(told) {
  showPlaying(false);
  clearTimeout(settleTimer);
  store.clear();
  timeline = told; shownWish = wish; direction = 1;
  clearTimeout(growthTimer);
  stopWaiting();
  blank();
  delete canvas.dataset.frame;
  element.querySelector('.player').dataset.session = timeline.session;
  fit();
  say('');
  if (timeline.session && !isFormKept) { isFormKept = true; startKeepingForm(); }
  if (timeline.frames) { go(Number(props.value.frame) || 0, true); return; }
  canvas.setAttribute('aria-label', 'No frame');
  part('caption').textContent = told.session ? 'No frames' : 'No session is open';
  strip.show(timeline, 0, historyLength());
}

// The value changes by Python's hand and by our own, and our own changes are reported back late: only another visit
// is Python's.
function follow() {
  if (props.value && props.value.visit !== visit) open();
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
document.addEventListener('before-ask', settle);
// A click elsewhere (Run, Load) must see the frame that the eye sees, also before the hand has settled.
document.addEventListener('pointerdown', (event) => { if (!element.contains(event.target)) settle(); }, true);
document.addEventListener('input', (event) => {
  if (!event.target.closest(HISTORY_FIELD)) return;
  strip.show(timeline, current, historyLength());
  clearTimeout(lengthTimer);
  lengthTimer = setTimeout(() => followFrame(false), SETTLE_MS);
}, true);
makePalette(element.querySelector('dialog.palette'), {
  frames: () => timeline.frames, goTo: seekMark, openSession: (session) => reopen(session, null),
});
const sizes = new ResizeObserver(fitStage);
['#header', '#session-row'].forEach((name) => { const one = document.querySelector(name); if (one) sizes.observe(one); });
[part('track'), part('errors'), part('marks')].forEach((one) => sizes.observe(one));
addEventListener('resize', fitStage);
addEventListener('popstate', revisit);
watch('value', follow);
startFollowing();
open();
