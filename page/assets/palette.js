// Ctrl-K: go to a frame, a tab or a session, or press a button, by a few letters of its name.
function makePalette(dialog, { frames, goTo, openSession }) {
  const input = dialog.querySelector('input'), list = dialog.querySelector('[role=listbox]');
  const MOST = 12, TYPING_MS = 150;
  let found = [], at = 0, timer = 0, asked = 0;

  const has = (text, words) => words.every((word) => text.toLowerCase().includes(word));
  const isSeen = (one) => one.offsetParent !== null && !one.disabled && !one.closest('dialog');

  function tabs() {
    const seen = [...document.querySelectorAll(TABS)].filter(isSeen);
    return seen.map((tab) => ({ kind: 'tab', text: tab.textContent.trim(), act: () => { rememberTab(tab); tab.click(); tab.focus(); } }));
  }

  function buttons() {
    const seen = [...document.querySelectorAll('button:not([role=tab])')].filter((one) => isSeen(one) && one.innerText.trim().length > 2);
    const named = new Map(seen.map((one) => [one.innerText.trim().split('\n')[0], one]));
    return [...named].map(([text, one]) => ({ kind: 'button', text, act: () => { one.scrollIntoView({ block: 'nearest' }); one.focus(); one.click(); } }));
  }

  function local(text) {
    const number = /^\d+$/.test(text) ? Number(text) : -1, words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const frame = number >= 0 && number < frames() ? [{ kind: 'frame', text: 'Frame ' + number, act: () => goTo(number) }] : [];
    return [...frame, ...[...tabs(), ...buttons()].filter((one) => has(one.text, words))];
  }

  async function sessions(text) {
    try {
      const told = await (await fetch('recorded/sessions?text=' + encodeURIComponent(text))).json();
      return told.rows.filter((row) => row.is_readable)
        .map((row) => ({ kind: 'session', text: row.id + ' · ' + row.robot, act: () => openSession(row.id) }));
    } catch { return []; }
  }

  async function search() {
    const mine = ++asked, text = input.value.trim();
    found = local(text).slice(0, MOST);
    show();
    if (!text) return;
    const more = await sessions(text);
    if (mine !== asked || !dialog.open) return;
    found = [...found, ...more].slice(0, MOST);
    show();
  }

  function show() {
    at = Math.min(at, Math.max(0, found.length - 1));
    list.replaceChildren(...found.map(option));
    if (!found.length) list.textContent = 'Nothing has these words.';
    input.setAttribute('aria-activedescendant', found.length ? 'palette-' + at : '');
  }

  function option({ kind, text }, index) {
    const made = document.createElement('li'), what = document.createElement('small');
    made.id = 'palette-' + index;
    made.setAttribute('role', 'option');
    made.setAttribute('aria-selected', index === at);
    what.textContent = kind;
    made.append(text, ' ', what);
    made.addEventListener('click', () => take(index));
    return made;
  }

  function take(index) {
    const chosen = found[index];
    if (!chosen) return;
    dialog.close();
    chosen.act();
  }

  input.addEventListener('input', () => { at = 0; clearTimeout(timer); timer = setTimeout(search, TYPING_MS); });
  dialog.addEventListener('keydown', (event) => {
    event.stopPropagation();  // the player must not take letters that are typed here
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { at = (at + step + found.length) % Math.max(1, found.length); show(); }
    else if (event.key === 'Enter') take(at);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || plainKey(event) !== 'k') return;
    if (document.querySelector('dialog[open]')) return;
    event.preventDefault();
    input.value = '';
    at = 0;
    dialog.showModal();
    input.focus();
    search();
  }, true);
}
