// The actions over the whole recording: one row for each channel that changes, the value after each frame, the current
// frame marked; one line of text for all channels that never change.
// Where a column stands for many frames, its full colour reaches to their mean and a paler one to their highest.
function makeActionTrack(holder, seek) {
  let timeline = EMPTY_TIMELINE;
  const track = makeTrack(holder, draw, (share) => Math.floor(share * timeline.frames), seek);

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

  function draw(pen, row, width, height) {
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

  const changes = (number) => timeline.actions.some((values) => values[number] !== timeline.actions[0][number]);

  return {
    open(next) {
      timeline = next;
      track.clear();
      const rows = (timeline.frames ? timeline.channels : []).map((channel, number) => ({ channel, number }));
      rows.filter(({ number }) => changes(number)).sort(byVariation(timeline)).forEach((row) => {
        track.add(row.channel.name, 'Action channel ' + row.channel.name + ' over the recording', 18, row);
      });
      const constant = timeline.actions.length ? rows.filter(({ number }) => !changes(number)) : [];
      if (constant.length) {
        const note = document.createElement('p');
        note.className = 'track-note';
        note.textContent = 'Always ' + constant.map(({ channel, number }) => (
          channel.name + ' ' + valueText(timeline.actions[0][number]))).join(', ');
        holder.append(note);
      }
      track.finish();
    },
    show(index) {
      const action = timeline.action_after[index];
      track.mark((index + 0.5) / timeline.frames, (row) => (
        action < 0 ? 'no next action' : 'next: ' + nameOf(timeline, action, valueText(timeline.actions[action][row.number]))
      ));
    },
  };
}
