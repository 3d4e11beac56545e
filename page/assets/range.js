// The range between an in point and an out point: what is played, repeated by Loop, and offered to flags and training.
function makeRange(element, changed) {
  const part = (name) => element.querySelector('[data-part="' + name + '"]');
  const bar = part('range'), text = part('range-text'), clear = element.querySelector('[data-act="clear-range"]');
  let session = '', frames = 0, first = null, last = null;

  const low = () => first ?? 0, high = () => Math.min(last ?? frames - 1, frames - 1);

  // Of the fields of training those that are there: a range must have been chosen to train on.
  function fill(field, value) {
    const input = document.querySelector(field + ' input');
    if (!input) return;
    input.value = value;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }

  function show() {
    const isSet = first !== null || last !== null;
    bar.hidden = text.hidden = clear.hidden = !isSet;
    if (!isSet) return;
    bar.style.left = 100 * low() / frames + '%';
    bar.style.width = 100 * (high() - low() + 1) / frames + '%';
    text.textContent = 'In ' + low() + ' · out ' + high();
    fill('#first-frame', low());
    fill('#last-frame', high());
  }

  function set(start, end) { first = start; last = end; show(); changed(); }

  clear.addEventListener('click', () => { set(null, null); element.querySelector('.slider').focus(); });

  return {
    low, high,
    get isSet() { return first !== null || last !== null; },
    begin(index) { set(index, last !== null && last < index ? null : last); },
    end(index) { set(first !== null && first > index ? null : first, index); },
    open(timeline) {
      const isOther = timeline.session !== session;
      session = timeline.session; frames = timeline.frames;
      if (isOther) first = last = null;
      show();
    },
  };
}
