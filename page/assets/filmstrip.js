// The history as the predictor sees it: context frames, the action that joins each to the next, the selected frame.
function makeFilmstrip(list, note, addressOf, seek) {
  const MOST_CHANNELS = 3;

  function thumbnail(timeline, index, kind) {
    const item = document.createElement('li'), button = document.createElement('button');
    const picture = document.createElement('img'), label = document.createElement('span');
    item.className = kind;
    picture.src = addressOf(index); picture.width = 64; picture.height = 64;
    picture.alt = (kind === 'target' ? 'Selected frame ' : 'Context frame ') + index;
    label.textContent = index + (kind === 'target' ? ' (selected)' : '');
    button.type = 'button'; button.title = 'Go to frame ' + index;
    button.append(picture, label);
    button.addEventListener('click', () => seek(index, true));
    item.append(button);
    return item;
  }

  function joint(timeline, action) {
    const item = document.createElement('li');
    item.className = 'joint';
    item.setAttribute('aria-label', 'action: ' + actionText(timeline, action));
    item.title = actionText(timeline, action);
    const arrow = document.createElement('b');
    arrow.textContent = '→';
    if (timeline.names[action]) { item.append(arrow, timeline.names[action]); return item; }
    const rows = timeline.channels.map((channel, number) => ({ channel, number }));
    const varying = rows.filter(({ channel }) => channel.high > channel.low).sort(byVariation(timeline));
    const isMany = varying.length > MOST_CHANNELS;
    item.append(arrow, ...varying.slice(0, isMany ? MOST_CHANNELS - 1 : MOST_CHANNELS).map(({ channel, number }) => {
      const line = document.createElement('span'), name = document.createElement('span');
      name.textContent = channel.name.replaceAll('_', '_\u200b');
      line.append(name, ' ' + valueText(timeline.actions[action][number]));
      return line;
    }));
    item.classList.toggle('many', isMany);  // names in one line each: the picture of the frame needs the height
    if (isMany) item.append('… ' + varying.length + ' channels');
    return item;
  }

  function noteText(found, wanted) {
    if (!found) return 'none: nothing was recorded before this frame';
    const frames = found === 1 ? '1 context frame' : found + ' context frames';
    return found < wanted ? 'only ' + found + ' of ' + wanted + ' context frames' : frames;
  }

  return {
    show(timeline, target, length) {
      if (!timeline.frames) { list.replaceChildren(); note.textContent = ''; return; }
      const history = historyOf(timeline, target, length), items = [];
      history.frames.forEach((frame, i) => {
        items.push(thumbnail(timeline, frame, 'context'), joint(timeline, history.actions[i]));
      });
      const hadFocus = list.contains(document.activeElement);
      list.replaceChildren(...items, thumbnail(timeline, target, 'target'));
      list.scrollLeft = list.scrollWidth;
      if (hadFocus) list.querySelector('.target button').focus();
      note.textContent = '· ' + noteText(history.frames.length, length);
    },
  };
}
