// The table of all sessions. Rows come from the server page by page, searched and sorted there; what only an opened
// recording tells (picture, frames, error) is asked for row by row. A session is opened by its address, so that Back
// returns to the one before.
const part = (name) => element.querySelector('[data-part="' + name + '"]');
const act = (name) => element.querySelector('[data-act="' + name + '"]');
const dialog = element.querySelector('dialog'), TYPING_MS = 200;
let sort = 'date', order = 'down', page = 0, asked = 0, timer = 0;

const sessionShown = () => new URL(location.href).searchParams.get('session');
const pathOf = (id) => id.split('/').map(encodeURIComponent).join('/');

async function load() {
  const mine = ++asked, query = new URLSearchParams({ text: part('text').value, robot: part('robot').value, marks: part('marks').value, sort, order, page });
  let told;
  try {
    const response = await fetch('recorded/sessions?' + query);
    if (!response.ok) throw new Error(response.status);
    told = await response.json();
  } catch { if (mine === asked) part('count').textContent = 'The server does not answer; try again.'; return; }
  if (mine !== asked) return;
  page = told.page;
  part('count').textContent = told.found === told.all ? count(told.all) : told.found.toLocaleString('en') + ' of ' + count(told.all);
  part('page').textContent = 'Page ' + (told.page + 1) + ' of ' + told.pages;
  act('previous').disabled = told.page === 0;
  act('next').disabled = told.page + 1 >= told.pages;
  part('marks-problem').textContent = told.marks_problem;
  showRobots(told.robots);
  element.querySelectorAll('[data-sort]').forEach((button) => {
    const isSorted = button.dataset.sort === sort, head = button.closest('th');
    if (isSorted) head.setAttribute('aria-sort', order === 'up' ? 'ascending' : 'descending'); else head.removeAttribute('aria-sort');
  });
  const rows = told.rows.map(row);
  part('rows').replaceChildren(...rows);
  part('body').scrollTop = 0;
  for (let index = 0; index < rows.length; index += 1) {
    if (mine !== asked || !dialog.open) return;
    if (told.rows[index].is_readable) await fillDetails(rows[index], told.rows[index]);
  }
}

function count(number) { return number.toLocaleString('en') + (number === 1 ? ' session' : ' sessions'); }

function showRobots(robots) {
  const chosen = part('robot').value, options = [...part('robot').options].slice(1).map((option) => option.value);
  if (String(options) === String(robots)) return;
  part('robot').replaceChildren(part('robot').options[0], ...robots.map((name) => new Option(name, name)));
  part('robot').value = robots.includes(chosen) ? chosen : '';
}

function cell(text, kind) {
  const made = document.createElement('td');
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function row(told) {
  const made = document.createElement('tr'), picture = document.createElement('td');
  picture.append(document.createElement('i'));
  made.dataset.id = told.id;
  made.tabIndex = 0;
  if (told.id === sessionShown()) made.setAttribute('aria-current', 'true');
  if (!told.is_readable) made.setAttribute('aria-disabled', 'true');
  const name = cell(told.id, 'name');
  if (told.task) name.append(line('small', told.task));
  // On a narrow screen, in place of columns.
  name.append(...told.marks.map((text) => line('small', text, 'flag')), line('small', told.state, 'state'));
  made.append(
    picture, cell(told.robot), cell(told.date), name, cell('', 'number'), cell('', 'number'),
    cell(told.length, 'number'), cell('', 'number'), cell(told.state), flags(told.marks));
  made.addEventListener('click', () => open(made));
  return made;
}

function line(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = made.title = text;
  if (kind) made.className = kind;
  return made;
}

function flags(marks) {
  const made = cell('', 'flags');
  made.append(...marks.map((text) => line('span', text)));
  return made;
}

function showState(line, text) {
  line.cells[8].textContent = line.querySelector('.state').textContent = line.querySelector('.state').title = text;
}

async function fillDetails(line, told) {
  const cells = line.cells;
  let details;
  try {
    const response = await fetch('recorded/details/' + pathOf(told.id));
    details = await response.json();
    if (!response.ok) { showState(line, details.error || 'cannot be read'); return; }
  } catch { return; }
  cells[4].textContent = details.frames;
  cells[5].textContent = details.actions;
  cells[6].textContent = details.length;
  cells[7].textContent = details.error ? details.error + ' · ' + (details.repeat || '?') : '';
  showState(line, [told.state, details.problems].filter(Boolean).join(', '));
  if (!details.has_picture) return;
  const image = document.createElement('img');
  image.alt = '';
  image.src = 'recorded/frame/0/' + pathOf(told.id) + '?version=' + encodeURIComponent(details.version);
  image.addEventListener('error', () => image.replaceWith(document.createElement('i')));
  cells[0].replaceChildren(image);
}

function open(line) {
  if (line.getAttribute('aria-disabled')) return;
  const address = new URL(location.href);
  dialog.close();
  if (line.dataset.id === sessionShown()) return;
  address.searchParams.set('session', line.dataset.id);
  address.searchParams.delete('frame');
  history.pushState(history.state, '', address);
  dispatchEvent(new PopStateEvent('popstate', { state: history.state }));
}

function onKey(event) {
  const lines = [...part('rows').children], at = lines.indexOf(event.target.closest('tr'));
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === 'Enter' && at >= 0) open(lines[at]);
  else if (event.key === 'Enter' && event.target === part('text') && lines.length) open(lines[0]);
  else if (step && (at >= 0 || event.target === part('text'))) {
    const next = at < 0 ? 0 : at + step;
    (lines[next] || (next < 0 ? part('text') : lines[at])).focus();
  } else { event.stopPropagation(); return; }  // the player must not take letters that are typed here
  event.preventDefault();
  event.stopPropagation();
}

function show() {
  if (dialog.open) return;
  dialog.showModal();
  part('text').focus();
  page = 0;
  load();
}

act('open').addEventListener('click', show);
act('previous').addEventListener('click', () => { page -= 1; load(); });
act('next').addEventListener('click', () => { page += 1; load(); });
['robot', 'marks'].forEach((name) => part(name).addEventListener('change', () => { page = 0; load(); }));
part('text').addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(() => { page = 0; load(); }, TYPING_MS); });
element.querySelectorAll('[data-sort]').forEach((button) => button.addEventListener('click', () => {
  order = button.dataset.sort === sort ? (order === 'up' ? 'down' : 'up') : (['date', 'length'].includes(button.dataset.sort) ? 'down' : 'up');
  sort = button.dataset.sort;
  page = 0;
  load();
}));
dialog.addEventListener('keydown', onKey);
dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
