// Flags of the recording: a strip of marks under the slider, and a panel to make, find and remove them. They live on the
// server and are asked for again every few seconds, because teammates make some too. While the panel is open, the range
// to flag reaches from the frame at which it was opened to the one that is shown, until a number is typed; or it is that
// between the in and the out point.
function makeMarks(element, addressOf, seek, rangeOf) {
  const part = (name) => element.querySelector('[data-part="' + name + '"]');
  const strip = part('marks'), panel = part('marks-panel'), button = element.querySelector('[data-act="flag"]');
  const first = part('flag-first'), last = part('flag-last'), whole = part('flag-whole'), note = part('flag-note');
  const POLL_MS = 10000, LEAST_PANEL = 170;
  let timeline = EMPTY_TIMELINE, shown = 0, told = null, anchor = 0, isTyped = false, timer = 0, asked = 0;

  const placeOf = (mark) => {
    if (mark.is_whole) return 'the whole session';
    if (mark.first === null) return 'not in this reading';
    return mark.first === mark.last ? 'frame ' + mark.first : 'frames ' + mark.first + ' to ' + mark.last;
  };

  function say(text) { part('marks-said').textContent = text; }

  // A change, or without one a look at what others have changed; returns the answer, or null.
  async function ask(change, isKnown) {
    const mine = ++asked, session = timeline.session;
    const known = isKnown && told ? '?known=' + encodeURIComponent(told.version) : '';
    const options = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(change) };
    let answer;
    try {
      answer = await (await fetch(addressOf(session) + known, change ? options : {})).json();
    } catch {
      if (change) say('The server does not answer; try again.');
      return null;
    }
    if (session !== timeline.session || (!change && mine !== asked)) return null;
    if (answer.error) { if (change) say(answer.error); return null; }
    if (answer.marks) { told = answer; rebuild(); }
    return answer;
  }

  function poll() {
    clearTimeout(timer);
    if (!timeline.session) return;
    timer = setTimeout(() => { if (!document.hidden) ask(null, true); poll(); }, POLL_MS);
  }

  function rebuild() {
    const marks = told ? told.marks : [];
    const seen = marks.filter((mark) => mark.first !== null && timeline.frames);
    strip.hidden = !seen.length;
    strip.replaceChildren(...seen.map(bar));
    part('marks-count').textContent = marks.length || '';
    button.classList.toggle('flagged', marks.length > 0);
    button.setAttribute('aria-label', 'Flag frames' + (marks.length ? '; flags of this session: ' + marks.length : ''));
    part('flag-form').hidden = !told || Boolean(told.refusal || told.problem);
    part('marks-note').textContent = told ? told.problem || told.refusal : '';
    part('marks-list').replaceChildren(...marks.map(item));
    markFrames();
  }

  // The frames that a result lists, such as those with the highest errors.
  function markFrames() {
    const marks = told ? told.marks.filter(({ first: start }) => start !== null) : [];
    document.querySelectorAll('.worst [data-go-frame]').forEach((one) => {
      const frame = Number(one.dataset.goFrame);
      one.classList.toggle('flagged', marks.some((mark) => mark.first <= frame && frame <= mark.last));
    });
  }

  function bar(mark) {
    const made = document.createElement('button'), share = 100 / timeline.frames;
    made.type = 'button';
    made.className = mark.is_whole ? 'whole' : '';
    made.style.left = mark.first * share + '%';
    made.style.width = (mark.last - mark.first + 1) * share + '%';
    made.title = placeOf(mark) + (mark.note ? ': ' + mark.note : '');
    made.setAttribute('aria-label', 'Flag, ' + made.title);
    made.addEventListener('click', () => seek(mark.first, true));
    return made;
  }

  function item(mark) {
    const made = document.createElement('li'), text = document.createElement('span');
    const place = document.createElement(mark.first === null ? 'span' : 'a');
    text.textContent = mark.note;
    text.title = mark.when.slice(0, 16).replace('T', ' ');
    place.textContent = placeOf(mark);
    if (mark.first !== null) {
      const address = new URL(location.href);  // to be copied; a click jumps without loading anything
      address.searchParams.set('session', timeline.session);
      address.searchParams.set('frame', mark.first);
      place.href = address.search;
      place.addEventListener('click', (event) => { event.preventDefault(); seek(mark.first, true); });
    }
    made.append(place, text);
    if (!told.refusal && !told.problem) made.append(action('✕', 'Remove the flag of ' + placeOf(mark), () => remove(mark)));
    return made;
  }

  function action(text, label, act) {
    const made = document.createElement('button');
    made.type = 'button'; made.textContent = text; made.title = label;
    made.setAttribute('aria-label', label);
    made.addEventListener('click', act);
    return made;
  }

  async function remove(mark) {
    if (!await ask({ do: 'remove', key: mark.key })) return;
    const undo = action('Undo', 'Put the flag back', async () => {
      if (await ask({ do: 'restore', key: mark.key })) { say('The flag is back.'); note.focus(); }
    });
    say('Removed the flag of ' + placeOf(mark) + '. ');
    part('marks-said').append(undo);
    undo.focus();
  }

  async function flag(event) {
    event.preventDefault();
    const numberOf = (field) => (field.value === '' ? null : Number(field.value));
    const range = whole.checked ? {} : { first: numberOf(first), last: numberOf(last) };
    if (!whole.checked && range.first === null) { say('Type the first frame, or flag the whole session.'); return; }
    if (!await ask({ do: 'flag', ...range, note: note.value })) return;
    note.value = '';
    setWhole(false);
    close();
  }

  function setWhole(isWhole) {
    whole.checked = isWhole;
    [first, last].forEach((field) => { field.disabled = isWhole; });
  }

  function showRange() {
    if (isTyped) return;
    const range = rangeOf();
    first.value = range.isSet ? range.low() : Math.min(anchor, shown);
    last.value = range.isSet ? range.high() : Math.max(anchor, shown);
  }

  function open() {
    if (!timeline.session || !panel.hidden) return;
    panel.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    const room = innerHeight - panel.getBoundingClientRect().top - 8;  // a narrow page scrolls anyway
    panel.style.maxHeight = WIDE.matches ? Math.max(LEAST_PANEL, room) + 'px' : '70vh';
    anchor = shown; isTyped = false;
    say('');
    showRange();
    ask();
    (part('flag-form').hidden ? element.querySelector('[data-act="close-marks"]') : note).focus();
  }

  function close() {
    if (panel.hidden) return;
    const hadFocus = panel.contains(document.activeElement);
    panel.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    if (hadFocus) element.querySelector('.slider').focus();  // so that the keys of the player work again
  }

  button.addEventListener('click', () => (panel.hidden ? open() : close()));
  element.querySelector('[data-act="close-marks"]').addEventListener('click', close);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !document.querySelector('dialog[open]')) close();
  });
  part('flag-form').addEventListener('submit', flag);
  [first, last].forEach((field) => field.addEventListener('input', () => { isTyped = true; }));
  whole.addEventListener('change', () => setWhole(whole.checked));
  document.addEventListener('visibilitychange', () => { if (!document.hidden && timeline.session) ask(null, true); });

  return {
    open(next) {
      const isOther = next.session !== timeline.session;
      timeline = next;
      button.disabled = !timeline.session;
      if (!isOther) {  // it has grown: a flag of the whole session reaches further
        if (told && told.marks.length) ask();
        return;
      }
      told = null; shown = 0;
      close(); rebuild();
      if (timeline.session) ask();
      poll();
    },
    markFrames,
    show(index) { shown = index; if (!panel.hidden) showRange(); },
    toggle() { if (panel.hidden) open(); else close(); },
  };
}
