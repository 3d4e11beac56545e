// The errors of the networks over the whole recording, under the history: bars for the weights that are shown, a line
// for those they are compared with. Where a column stands for many frames, its full colour reaches to their mean, a
// paler one and the line to their highest; a click goes to the frame with the highest error.
function makeErrorTrack(holder, seek) {
  const HEIGHT = 26;
  let timeline = EMPTY_TIMELINE, told = null, shown = 0;
  const track = makeTrack(holder, draw, frameAt, seek);

  const isOurs = () => Boolean(told && told.rows.length && timeline.frames && told.session === timeline.session &&
    told.frames === timeline.frames);
  const isExact = () => told.columns === told.frames;
  // Column k begins at frame floor(k * frames / columns), in whole numbers as the server counts them.
  const columnOf = (frame) => Math.floor(((frame + 1) * told.columns - 1) / told.frames);

  function frameAt(share, row) { return row.at[Math.floor(share * told.columns)]; }

  function lossText(value) {
    if (value === null) return 'none';
    if (value === 0) return '0';
    return value < 0.01 ? value.toExponential(2) : value.toPrecision(3);
  }

  function draw(pen, row, width, height) {
    const count = told.columns;
    const tall = (value) => 1 + (row.top > 0 ? value / row.top : 0) * (height - 2);
    const bar = (i, size, alpha) => {
      const left = Math.floor(i * width / count), right = Math.max(left + 1, Math.floor((i + 1) * width / count));
      pen.globalAlpha = alpha;
      pen.fillRect(left, height - size, right - left - (right - left > 4 ? 1 : 0), size);
    };
    row.high.forEach((high, i) => {
      if (high !== null) { bar(i, tall(high), 0.45); bar(i, tall(row.mean[i]), 1); }
    });
    if (row.other) drawLine(pen, row.other.high, width / count, (value) => height - tall(value));
  }

  function drawLine(pen, values, wide, level) {
    let isDown = false;
    pen.globalAlpha = 1; pen.lineWidth = 1.6 * devicePixelRatio;
    pen.strokeStyle = getComputedStyle(holder).getPropertyValue('--mark-ink');
    pen.beginPath();
    values.forEach((value, i) => {
      if (value !== null) pen[isDown ? 'lineTo' : 'moveTo']((i + 0.5) * wide, level(value));
      isDown = value !== null;
    });
    pen.stroke();
  }

  function rebuild() {
    track.clear();
    holder.hidden = !isOurs();
    if (holder.hidden) return;
    const note = document.createElement('p');
    note.className = 'track-note';
    note.textContent = note.title = told.label;
    holder.append(note);
    told.rows.forEach((row) => {
      const name = row.name + ', 0 to ' + lossText(row.top);
      track.add(name, name + ', over the recording', HEIGHT, row);
    });
    track.finish();
    mark(shown);
  }

  function mark(index) {
    shown = index;
    if (holder.hidden) return;
    const column = columnOf(index), about = isExact() ? '' : 'about ';
    track.mark((index + 0.5) / timeline.frames, ({ mean, other }) => (
      (mean[column] === null ? 'none' : about + lossText(mean[column])) +
      (other ? ' · vs ' + (other.mean[column] === null ? 'none' : about + lossText(other.mean[column])) : '')
    ));
  }

  document.addEventListener('recorded-errors', (event) => { told = event.detail; rebuild(); });
  return { open(next) { timeline = next; shown = 0; rebuild(); }, show: mark };
}
