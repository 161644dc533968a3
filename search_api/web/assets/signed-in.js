// Where an identity provider sends people back: its answer leaves the address at once, goes to the tab that asked (it
// alone knows the verifier without which a code is worth nothing), and the window closes.

const told = new URLSearchParams(location.hash.length > 1 ? location.hash.slice(1) : location.search);
history.replaceState(null, '', location.pathname);
const channel = new BroadcastChannel('anamnese-signed-in');
channel.postMessage(Object.fromEntries(['state', 'code', 'iss', 'error'].map((name) => [name, told.get(name) ?? ''])));
setTimeout(() => { channel.close(); window.close(); }, 100);
