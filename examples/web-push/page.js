// Subscribes this browser, says so to the gateway, and shows the person's browsers.
const state = document.getElementById("state");

async function ask(path, method = "GET", body = undefined) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const said = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Error(said.detail ?? `${answer.status}`);
  return said;
}

function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

const same = (held, wanted) =>
  held !== null && held.byteLength === wanted.length && new Uint8Array(held).every((byte, n) => byte === wanted[n]);

async function subscribe() {
  const registration = await navigator.serviceWorker.ready;
  const { public_key: key } = await ask("/notifications/push");
  let held = await registration.pushManager.getSubscription();
  // One of an earlier key gets nothing any more.
  if (held && !same(held.options.applicationServerKey, bytesOf(key))) {
    await held.unsubscribe();
    held = null;
  }
  held ??= await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) });
  const { browser_id: id } = await ask("/notifications/browsers", "POST", { ...held.toJSON(), label: navigator.platform });
  localStorage.setItem("browser", id);
}

async function leave() {
  const registration = await navigator.serviceWorker.ready;
  await (await registration.pushManager.getSubscription())?.unsubscribe();
  const id = localStorage.getItem("browser");
  if (id) await ask(`/notifications/browsers/${id}`, "DELETE");
  localStorage.removeItem("browser");
}

async function show() {
  const { browsers } = await ask("/notifications/browsers");
  const lines = browsers.map((each) => {
    const line = document.createElement("li");
    line.textContent = `${each.label || "a browser"} by ${each.service}, since ${each.created_at}`;
    return line;
  });
  document.getElementById("browsers").replaceChildren(...lines);
}

function when(id, work) {
  document.getElementById(id).addEventListener("click", async () => {
    try {
      await work();
      await show();
      state.textContent = "Done.";
    } catch (error) {
      state.textContent = String(error.message ?? error);
    }
  });
}

await navigator.serviceWorker.register("worker.js");
when("subscribe", subscribe);
when("leave", leave);
if (Notification.permission === "granted" && localStorage.getItem("browser")) await subscribe();
await show();
