// The browser's stores. Where it denies them, as it may in a frame of another site, values last as long as the page.
function storeNamed(name) {
  try {
    window[name].getItem('');
    return window[name];
  } catch (denied) {
    const values = new Map();
    return {
      getItem: (key) => (values.has(key) ? values.get(key) : null),
      setItem: (key, value) => { values.set(key, value); },
      removeItem: (key) => { values.delete(key); },
    };
  }
}

const localStore = storeNamed('localStorage'), sessionStore = storeNamed('sessionStorage');
