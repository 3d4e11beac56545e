// The actions over the whole recording: one row a channel, the value after each frame, the current frame marked.
function makeActionTrack(holder, seek) {
  let timeline = EMPTY_TIMELINE, rows = [];

  function draw(row) {
    const canvas = row.canvas, width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.round(20 * devicePixelRatio), pen = canvas.getContext('2d');
    canvas.width = width; canvas.height = height;
    pen.fillStyle = getComputedStyle(canvas).color;
    const span = row.channel.high - row.channel.low;
    const level = (value) => span > 0 ? Math.min(1, Math.max(0, (value - row.channel.low) / span)) : 0;
    for (let x = 0; x < width;) {
      const first = Math.floor(x * timeline.frames / width);
      const end = Math.max(x + 1, Math.ceil((first + 1) * width / timeline.frames));
      const last = Math.max(first + 1, Math.floor(end * timeline.frames / width));
      let top = -1;
      for (let i = first; i < last; i += 1) {
        const action = timeline.action_after[i];
        if (action >= 0) top = Math.max(top, level(timeline.actions[action][row.number]));
      }
      const gap = end - x > 4 ? 1 : 0, tall = 2 + top * (height - 4);
      if (top >= 0) pen.fillRect(x, height - tall, end - x - gap, tall);
      x = end;
    }
  }

  function addRow(channel, number) {
    const label = document.createElement('span'), canvas = document.createElement('canvas');
    const value = document.createElement('span');
    label.className = 'track-name'; label.textContent = channel.name;
    value.className = 'track-value';
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', 'Action channel ' + channel.name + ' over the recording');
    holder.append(label, canvas, value);
    rows.push({ channel, number, canvas, value });
  }

  function seekFrom(event) {
    const canvas = event.target.closest('canvas');
    if (!canvas || !timeline.frames) return;
    const box = canvas.getBoundingClientRect(), share = (event.clientX - box.left) / box.width;
    seek(Math.min(timeline.frames - 1, Math.max(0, Math.floor(share * timeline.frames))), event.type === 'pointerup');
  }
  holder.addEventListener('pointerdown', (event) => {
    if (event.target.closest('canvas')) event.target.setPointerCapture(event.pointerId);
    seekFrom(event);
  });
  holder.addEventListener('pointermove', (event) => { if (event.buttons & 1) seekFrom(event); });
  holder.addEventListener('pointerup', seekFrom);
  const redraw = () => { if (timeline.frames) rows.forEach(draw); };
  new ResizeObserver(redraw).observe(holder);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  return {
    open(next) {
      timeline = next; rows = []; holder.replaceChildren();
      if (timeline.frames) timeline.channels.forEach(addRow);
      const line = document.createElement('i');
      line.className = 'track-position';
      if (rows.length) holder.append(line);
      redraw();
    },
    show(index) {
      if (!rows.length) return;
      const canvas = rows[0].canvas, line = holder.querySelector('.track-position');
      line.style.left = (canvas.offsetLeft + canvas.offsetWidth * (index + 0.5) / timeline.frames) + 'px';
      const action = timeline.action_after[index];
      rows.forEach((row) => {
        row.value.textContent = action < 0 ? '–' : valueText(timeline.actions[action][row.number]);
      });
    },
  };
}
