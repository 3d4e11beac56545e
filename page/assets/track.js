// What every track under the slider shares: rows with a name, a value and a drawing, a line in each drawing at the
// current frame, and seeking by click and drag.
function makeTrack(holder, draw, frameAt, seek) {
  let rows = [], isDragging = false;

  function add(name, description, height, data) {
    const row = document.createElement('div'), label = document.createElement('span'), box = document.createElement('div');
    const value = document.createElement('span'), canvas = document.createElement('canvas'), line = document.createElement('i');
    label.className = 'track-name'; label.textContent = name;
    value.className = 'track-value';
    box.className = 'track-box'; line.className = 'track-position';
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', description);
    canvas.style.height = height + 'px';
    box.append(canvas, line);
    row.append(label, value, box);
    holder.append(row);
    rows.push({ data, canvas, value, line, height });
  }

  function redraw() {
    rows.forEach((row) => {
      const width = Math.max(1, Math.round(row.canvas.clientWidth * devicePixelRatio));
      const height = Math.round(row.height * devicePixelRatio), pen = row.canvas.getContext('2d');
      row.canvas.width = width; row.canvas.height = height;
      pen.fillStyle = getComputedStyle(row.canvas).color;
      draw(pen, row.data, width, height);
    });
  }

  function seekFrom(event, isSettled) {
    const row = rows.find(({ canvas }) => canvas === event.target) || rows[0];
    const box = row.canvas.getBoundingClientRect();
    seek(frameAt(Math.min(0.999999, Math.max(0, (event.clientX - box.left) / box.width)), row.data), isSettled);
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
  new ResizeObserver(redraw).observe(holder);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  return {
    clear() { rows = []; isDragging = false; holder.replaceChildren(); },
    add,
    finish: redraw,
    mark(share, textOf) {
      rows.forEach((row) => {
        row.line.style.left = 100 * share + '%';
        row.value.textContent = textOf(row.data);
      });
    },
  };
}
