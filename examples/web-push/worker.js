// Shows what is pushed, also while no page is open; of one run the newest alone.
self.addEventListener("push", (event) => {
  const card = event.data.json();
  const told = async () => {
    const [shown] = await self.registration.getNotifications({ tag: card.tag });
    // One that was sent again may come after a newer one.
    if (shown && shown.data.time > card.time) return shown;
    return card;
  };
  const show = async () => {
    const newest = await told();
    const { title, body, tag } = newest;
    const data = newest.data ?? { link: newest.link, time: newest.time };
    await self.registration.showNotification(title, { body, tag, data });
  };
  event.waitUntil(show());
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  if (event.notification.data.link) event.waitUntil(self.clients.openWindow(event.notification.data.link));
});
