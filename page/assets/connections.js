// Answers that take their time come through a response that stays open, one a tab, and a browser has six connections to
// a server for all of its tabs. So at most four tabs listen at once; the answers of the others wait on the server. Each
// listening tab leases a place in the browser's storage; a place whose lease was not renewed belongs to a tab that is gone.
(function shareConnections() {
  const PLACES = 4, LEASE_MS = 5000, RENEW_MS = 1500, LOOK_MS = 200, KEY = 'session-explorer-listener-';
  const send = window.fetch.bind(window), me = Math.random().toString(36).slice(2);

  const read = (place) => JSON.parse(localStore.getItem(KEY + place) || 'null');
  const lease = (place) => localStore.setItem(KEY + place, JSON.stringify({ tab: me, until: Date.now() + LEASE_MS }));

  function freePlace() {
    for (let place = 0; place < PLACES; place += 1) {
      const held = read(place);
      if (!held || held.tab === me || held.until < Date.now()) return place;
    }
    return null;
  }

  // A function that gives the place back.
  async function takePlace(signal) {
    let place = freePlace();
    while (place === null) {
      await new Promise((done) => { setTimeout(done, LOOK_MS); });
      if (signal && signal.aborted) throw new DOMException('not awaited any more', 'AbortError');
      place = freePlace();
    }
    lease(place);
    const renewal = setInterval(() => lease(place), RENEW_MS);
    return () => {
      clearInterval(renewal);
      if ((read(place) || {}).tab === me) localStore.removeItem(KEY + place);
    };
  }

  async function listen(request) {
    const giveBack = await takePlace(request.signal);
    request.signal.addEventListener('abort', giveBack);
    try {
      const response = await send(request);
      const body = response.body.pipeThrough(new TransformStream({ flush: giveBack }));
      return new Response(body, response);
    } catch (problem) {
      giveBack();
      throw problem;
    }
  }

  window.fetch = (input, options) => {
    const isListening = input instanceof Request && new URL(input.url).pathname.endsWith('/queue/data');
    return isListening ? listen(input) : send(input, options);
  };
}());
