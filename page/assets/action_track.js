// The actions over the whole recording: one row a channel, the value after each frame, the current frame marked.
// Where a column stands for many frames, its full colour reaches to their mean and a paler one to their highest.
function makeActionTrack(holder, seek) {
  let timeline = EMPTY_TIMELINE, rows = [], isDragging = false;

  function levels(row, first, end) {
    const span = row.channel.high - row.channel.low;
    let sum = 0, count = 0, top = 0;
    for (let i = first; i < end; i += 1) {
      const action = timeline.action_after[i];
      if (action < 0) continue;
      const value = timeline.actions[action][row.number];
      const level = span > 0 ? Math.min(1, Math.max(0, (value - row.channel.low) / span)) : 0;
      sum += level; count += 1; top = Math.max(top, level);
    }
    return count ? { mean: sum / count, top } : null;
  }

  function draw(row) {
    const canvas = row.canvas, width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.round(18 * devicePixelRatio), pen = canvas.getContext('2d');
    canvas.width = width; canvas.height = height;
    pen.fillStyle = getComputedStyle(canvas).color;
    const bar = (x, wide, level, alpha) => {
      const tall = 2 + level * (height - 4);
      pen.globalAlpha = alpha;
      pen.fillRect(x, height - tall, wide, tall);
    };
    for (let x = 0; x < width;) {
      const first = Math.floor(x * timeline.frames / width);
      const end = Math.max(x + 1, Math.ceil((first + 1) * width / timeline.frames));
      const found = levels(row, first, Math.max(first + 1, Math.floor(end * timeline.frames / width)));
      const wide = end - x - (end - x > 4 ? 1 : 0);
      if (found) { bar(x, wide, found.top, 0.4); bar(x, wide, found.mean, 1); }
      x = end;
    }
  }

  function addRow(channel, number) {
    const row = document.createElement('div'), label = document.createElement('span');
    const value = document.createElement('span'), canvas = document.createElement('canvas');
    label.className = 'track-name'; label.textContent = channel.name;
    value.className = 'track-value';
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', 'Action channel ' + channel.name + ' over the recording');
    row.append(label, value, canvas);
    holder.append(row);
    rows.push({ channel, number, canvas, value });
  }

  function seekFrom(event, isSettled) {
    const box = rows[0].canvas.getBoundingClientRect(), share = (event.clientX - box.left) / box.width;
    seek(Math.min(timeline.frames - 1, Math.max(0, Math.floor(share * timeline.frames))), isSettled);
  }
  holder.addEventListener('pointerdown', (event) => {
    if (!event.target.closest('canvas') || event.button !== 0) return;
    isDragging = true;
    event.target.setPointerCapture(event.pointerId);
    seekFrom(event, false);
  });
  holder.addEventListener('pointermove', (event) => { if (isDragging) seekFrom(event, false); });
  holder.addEventListener('pointerup', (event) => { if (isDragging) seekFrom(event, true); isDragging = false; });
  holder.addEventListener('pointercancel', () => { isDragging = false; });
  const redraw = () => { if (timeline.frames) rows.forEach(draw); };
  new ResizeObserver(redraw).observe(holder);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  return {
    open(next) {
      timeline = next; rows = []; isDragging = false; holder.replaceChildren();
      if (timeline.frames) timeline.channels.forEach(addRow);
      const line = document.createElement('i');
      line.className = 'track-position';
      if (rows.length) holder.append(line);
      redraw();
    },
    show(index) {
      if (!rows.length) return;
      holder.querySelector('.track-position').style.left = 100 * (index + 0.5) / timeline.frames + '%';
      const action = timeline.action_after[index];
      rows.forEach((row) => {
        row.value.textContent = action < 0 ? 'none' : valueText(timeline.actions[action][row.number]);
      });
    },
  };
}
