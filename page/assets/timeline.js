// What the browser knows of a recording, and how it is put into words.
const EMPTY_TIMELINE = {
  session: '', version: '', frames: 0, channels: [], steps: [], times: [], previous: [], action_into: [], action_after: [],
  actions: [], names: [], order: [], utc_offset_s: 0, has_dates: true, may_grow: false,
};

function clockText(timeline, index) {
  if (!timeline.has_dates && timeline.times[index] < 1e9) return timeline.times[index].toFixed(3) + ' s';
  const local = new Date((timeline.times[index] + timeline.utc_offset_s) * 1000);
  if (Number.isNaN(local.getTime())) return 'time not known';
  return local.toISOString().replace('T', ' ').replace('Z', '');
}

function captionText(timeline, index) {
  return 'Frame ' + index + ' / ' + (timeline.frames - 1) + ' · step ' + timeline.steps[index] + ' · ' +
    clockText(timeline, index);
}

// For sorting rows of channels: those that vary most come first, of a robot whose recording ranks them.
function byVariation(timeline) {
  const rank = ({ number }) => (timeline.order.includes(number) ? timeline.order.indexOf(number) : timeline.channels.length);
  return (a, b) => rank(a) - rank(b) || a.number - b.number;
}

function valueText(value) { return String(Number(value.toPrecision(4))).replace(/^-/, '−'); }

// The name of a recorded action with its `detail`, or the detail alone if it has no name.
function nameOf(timeline, action, detail) {
  const name = timeline.names[action];
  return name ? name + ' (' + detail + ')' : detail;
}

function actionText(timeline, action) {
  const values = timeline.actions[action];
  return nameOf(timeline, action, timeline.channels.map((channel, row) => channel.name + ' ' + valueText(values[row])).join(', '));
}

// Context frames before `target`, oldest first; each is joined to the next by exactly one action.
function historyOf(timeline, target, length) {
  const frames = [], actions = [];
  let at = target;
  while (frames.length < length && timeline.previous[at] >= 0) {
    actions.unshift(timeline.action_into[at]);
    at = timeline.previous[at];
    frames.unshift(at);
  }
  return { frames, actions };
}

// Whether `next` begins with what is known: frames were recorded meanwhile, and nothing before them is another.
function continues(next, timeline) {
  const last = timeline.frames - 1;
  return next.frames >= timeline.frames && next.channels.length >= timeline.channels.length &&
    (last < 0 || (next.steps[last] === timeline.steps[last] && next.times[last] === timeline.times[last]));
}
