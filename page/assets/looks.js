// The slider over the pictures of a run. While it stands at the newest picture it follows the run.
const part = (name) => element.querySelector('[data-part="' + name + '"]');
let shown = null, isNewest = true;

function showLook() {
  const place = Number(part('slider').value), look = shown.looks[place];
  isNewest = place === shown.looks.length - 1;
  const text = 'Step ' + look.step.toLocaleString('en') + ' · ' + look.phase;
  part('output').src = shown.address + look.file;
  part('output').alt = text;
  part('slider').setAttribute('aria-valuetext', text);
  part('text').textContent = text;
}

function follow() {
  const next = props.value;
  element.querySelector('.looks').hidden = !next;
  if (!next) { shown = null; isNewest = true; return; }
  const isOther = !shown || shown.address !== next.address, file = shown && shown.looks[Number(part('slider').value)].file;
  shown = next;
  part('of').hidden = !next.of;
  part('of').textContent = 'Of an earlier run (' + next.of + ').';
  part('slider').max = next.looks.length - 1;
  const kept = next.looks.findIndex((look) => look.file === file);
  part('slider').value = isOther || isNewest || kept < 0 ? next.looks.length - 1 : kept;
  part('true').src = next.address + 'true.jpg';
  part('strip').href = next.address + 'strip.png';
  showLook();
}

part('slider').addEventListener('input', showLook);
watch('value', follow);
follow();
