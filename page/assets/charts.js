// Values of a chart under the pointer, and the progress of training in the title of the browser's tab.
const tip = document.createElement('div');
tip.className = 'chart-tip';
tip.hidden = true;
document.body.append(tip);

// A value from its place: the inverse of what Python draws.
function valueAt(svg, y) {
  const [, , top, bottom] = svg.dataset.box.split(' ').map(Number), low = Number(svg.dataset.low);
  const scaled = low + (bottom - y) / (bottom - top) * (Number(svg.dataset.high) - low);
  return svg.dataset.log === '1' ? 10 ** scaled : scaled;
}

// As the page writes losses and shares: 0.0249, 7.39e-4, −50.
function numberText(value) {
  const size = Math.abs(value), text = size && size < 0.01 ? size.toExponential(2) : size.toPrecision(3);
  return (value < 0 ? '−' : '') + text;
}

function linesAt(svg, x) {
  const [left, right] = svg.dataset.box.split(' ').map(Number);
  const first = Number(svg.dataset.first);
  const step = (place) => Math.round(first + (place - left) / (right - left) * (Number(svg.dataset.last) - first));
  const lines = [...svg.querySelectorAll('polyline[data-name]')].filter((line) => !line.dataset.name.startsWith('raw '));
  return lines.map((line) => {
    const points = line.getAttribute('points').split(' ').map((pair) => pair.split(',').map(Number));
    const near = points.reduce((best, point) => Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best);
    return line.dataset.name + ': ' + numberText(valueAt(svg, near[1])) + svg.dataset.unit + ' (step ' +
      step(near[0]).toLocaleString('en') + ')';
  });
}

document.addEventListener('pointermove', (event) => {
  const svg = event.target.closest && event.target.closest('svg.loss-chart[data-box]');
  tip.hidden = !svg;
  if (!svg) return;
  const box = svg.getBoundingClientRect();
  tip.textContent = linesAt(svg, (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width).join('\n');
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 4)) + 'px';
  tip.style.top = (event.clientY + 14) + 'px';
});

const title = document.title;
function showTitle() {
  const now = document.querySelector('#training-view [data-title]');
  document.title = now && now.dataset.title ? now.dataset.title + ' · ' + title : title;
}
const view = document.querySelector('#training-view');
if (view) new MutationObserver(showTitle).observe(view, { childList: true, subtree: true });
showTitle();
