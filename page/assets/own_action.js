// The form of a visitor's own action. Python sends the channels as the value; a choice goes back through the event
// 'changed' as {own, swept}. The choice stays while sessions with the same channels are opened.
const part = (name) => element.querySelector('[data-part="' + name + '"]');
const act = (name) => element.querySelector('[data-act="' + name + '"]');
let sliders = null, names = '', isOwn = false, swept = [], standard = [], most = 4;

function send() {
  showState();
  props.value = { own: isOwn ? sliders.values() : null, swept: [...swept] };
  trigger('changed');
}

function showState() {
  part('state').textContent = isOwn ? '– in use' : '';
  act('none').disabled = !isOwn;
}

function sweepBox(channel) {
  const label = document.createElement('label'), box = document.createElement('input');
  box.type = 'checkbox';
  box.checked = swept.includes(channel.name);
  box.setAttribute('aria-label', 'Sweep ' + channel.name);
  box.addEventListener('change', () => {
    swept = box.checked ? [...swept, channel.name] : swept.filter((name) => name !== channel.name);
    limitBoxes();
    send();
  });
  label.append(box, 'Sweep');
  return label;
}

function limitBoxes() {
  part('sliders').querySelectorAll('input[type=checkbox]').forEach((box) => { box.disabled = !box.checked && swept.length >= most; });
}

function draw() {
  const told = props.value;
  if (!told || !Array.isArray(told.channels)) return;
  element.querySelector('.own-action').hidden = !told.channels.length;
  const ranges = JSON.stringify(told.channels.map(({ name, low, high }) => [name, low, high]));
  if (ranges !== names) {
    names = ranges; isOwn = false; swept = told.standard || []; most = told.most || most;
    sliders = actionSliders(part('sliders'), told.channels, () => { isOwn = true; send(); }, sweepBox);
    limitBoxes();
  }
  showState();
  props.value = { own: isOwn ? sliders.values() : null, swept: [...swept] };
}

act('recorded').addEventListener('click', () => {
  const result = document.querySelector('#predictor-result [data-action]');
  if (result) sliders.set(JSON.parse(result.dataset.action));
  isOwn = Boolean(result);
  send();
});
act('none').addEventListener('click', () => { isOwn = false; send(); });
watch('value', draw);
draw();
