// Frames near the current one, decoded and kept within a budget of pixels. The frame that the eye waits for comes
// first: a newer wish replaces an older one that has not begun, and prefetching always leaves a slot free for it.
function makeFrameStore(addressOf) {
  const PIXEL_BUDGET = 24e6, SLOTS = 4, GIVE_UP_MS = 30000;
  const kept = new Map();      // index -> ImageBitmap
  const broken = new Map();    // index -> Error
  const underway = new Map();  // index -> promise
  let ahead = [], urgent = null, generation = 0, centre = 0, room = 64;

  // What lies farthest from the current frame goes first: the next ones, fetched but not yet shown, must stay.
  function keep(index, bitmap) {
    kept.set(index, bitmap);
    room = Math.max(4, Math.floor(PIXEL_BUDGET / (bitmap.width * bitmap.height)));
    while (kept.size > room) {
      const farthest = [...kept.keys()].reduce((a, b) => Math.abs(b - centre) > Math.abs(a - centre) ? b : a);
      kept.get(farthest).close();
      kept.delete(farthest);
    }
  }

  function noAnswer() {
    throw new Error('The server does not answer; check that it still runs, then move to another frame.');
  }

  // Given up in the end: a request that is never answered would hold its slot for ever.
  async function download(index) {
    const response = await fetch(addressOf(index), { signal: AbortSignal.timeout(GIVE_UP_MS) }).catch(noAnswer);
    if (!response.ok) {
      const told = await response.json().catch(() => ({}));
      throw new Error(told.error || 'The server did not send this frame; reload the page and try again.');
    }
    return createImageBitmap(await response.blob().catch(noAnswer)).catch(() => {
      throw new Error('Frame ' + index + ' cannot be read: its file is damaged. Choose another frame.');
    });
  }

  function begin(index) {
    const mine = generation;
    const promise = download(index).then(
      (bitmap) => { if (mine === generation) keep(index, bitmap); return bitmap; },
      (problem) => { if (mine === generation) broken.set(index, problem); throw problem; },
    ).finally(() => { if (mine === generation) { underway.delete(index); fill(); } });
    underway.set(index, promise);
    return promise;
  }

  function fill() {
    if (urgent && (underway.has(urgent.index) || underway.size < SLOTS)) {
      const { index, done, failed } = urgent;
      urgent = null;
      (underway.get(index) || begin(index)).then(done, failed);
    }
    while (underway.size < SLOTS - 1 && ahead.length) {
      const index = ahead.shift();
      if (!kept.has(index) && !broken.has(index) && !underway.has(index)) begin(index).catch(() => {});
    }
  }

  return {
    ready(index) { return kept.get(index); },
    isSettled(index) { return kept.has(index) || broken.has(index); },
    want(index, done, failed) { broken.delete(index); urgent = { index, done, failed }; fill(); },
    prefetch(indices, around) { centre = around; ahead = indices.slice(0, Math.max(2, room >> 1)); fill(); },
    clear() {
      generation += 1; ahead = []; urgent = null;
      underway.clear(); broken.clear();
      kept.forEach((one) => one.close());
      kept.clear();
    },
  };
}
