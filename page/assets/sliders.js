// Sliders for the channels of an action: a range and a number for each channel that has a range. The channels that vary
// most come first; of many, the rest is folded.
const MOST_SLIDERS = 6, SHOWN_OF_MANY = 3;

function fixed(value) { return String(Number(Number(value).toPrecision(4))); }

// `onChange` is called when a value has been chosen, not while it is dragged. `extra(channel)`: one more part of a row.
function actionSliders(container, channels, onChange, extra) {
  const values = channels.map((channel) => channel.usual), rows = channels.map(() => null);
  const rank = (index) => (channels[index].rank === null ? channels.length : channels[index].rank);
  const order = channels.map((_, index) => index).filter((index) => channels[index].low < channels[index].high);
  order.sort((a, b) => rank(a) - rank(b) || a - b);

  function show(index) {
    rows[index].range.value = values[index];
    rows[index].number.value = fixed(values[index]);
    const [least, most] = channels[index].recorded, isBeyond = values[index] < least || values[index] > most;
    rows[index].note.textContent = isBeyond ? 'recorded: ' + fixed(least) + ' to ' + fixed(most) : '';
  }

  function choose(index, value, isFinal) {
    const { low, high } = channels[index];
    if (!Number.isFinite(value)) { show(index); return; }
    values[index] = Math.min(high, Math.max(low, value));
    if (isFinal) { show(index); onChange(); } else rows[index].number.value = fixed(values[index]);
  }

  function row(index) {
    const channel = channels[index], line = document.createElement('div'), name = document.createElement('span');
    const range = document.createElement('input'), number = document.createElement('input');
    line.className = 'slider-row';
    name.textContent = channel.name;
    name.title = channel.name + ', from ' + fixed(channel.low) + ' to ' + fixed(channel.high);
    Object.assign(range, { type: 'range', min: channel.low, max: channel.high, step: (channel.high - channel.low) / 200 });
    Object.assign(number, { type: 'number', step: 'any' });
    range.setAttribute('aria-label', channel.name);
    number.setAttribute('aria-label', channel.name + ', as a number');
    range.addEventListener('input', () => choose(index, Number(range.value), false));
    range.addEventListener('change', () => choose(index, Number(range.value), true));
    number.addEventListener('change', () => choose(index, number.value === '' ? NaN : Number(number.value), true));
    const note = document.createElement('small');
    rows[index] = { range, number, note };
    line.append(name, range, number, ...(extra ? [extra(channel)] : []), note);
    show(index);
    return line;
  }

  const lines = order.map(row), count = lines.length > MOST_SLIDERS ? SHOWN_OF_MANY : lines.length;
  const shown = lines.slice(0, count), rest = lines.slice(count);
  container.replaceChildren(...shown);
  if (rest.length) {
    const folded = document.createElement('details'), summary = document.createElement('summary');
    summary.textContent = rest.length === 1 ? '1 more channel' : rest.length + ' more channels';
    folded.append(summary, ...rest);
    container.append(folded);
  }
  return {
    values: () => [...values],
    set(next) { next.forEach((value, index) => { values[index] = value; if (rows[index]) show(index); }); },
  };
}
