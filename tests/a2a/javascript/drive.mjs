// Drives an agent with the official client of JavaScript, and says what it saw as JSON.
// Arguments: the agent's address, an API key, JSONRPC or HTTP+JSON, an address that is told.

import {
  CancelTaskRequest,
  GetTaskRequest,
  ListTaskPushNotificationConfigsRequest,
  ListTasksRequest,
  SendMessageRequest,
  SubscribeToTaskRequest,
  Task,
  TaskPushNotificationConfig,
  taskStateToJSON,
  verifyAgentCardSignature,
} from "@a2a-js/sdk";
import {
  ClientFactory,
  ClientFactoryOptions,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from "@a2a-js/sdk/client";

const [address, key, binding, told] = process.argv.slice(2);
const saw = {};

const fetchImpl = (input, init = {}) => {
  const headers = new Headers(init.headers ?? {});
  headers.set("authorization", `Bearer ${key}`);
  return fetch(input, { ...init, headers });
};

const message = (id, part, more = {}) =>
  SendMessageRequest.fromJSON({
    message: { messageId: `${binding}-${id}`, role: "ROLE_USER", parts: [part], ...more },
    configuration: more.configuration ?? {},
  });
const state = (status) => taskStateToJSON(status.state).replace("TASK_STATE_", "");
const seen = (event) => {
  const held = event.payload.value;
  return event.payload.$case === "artifactUpdate" ? "artifact" : state(held.status);
};

const verify = verifyAgentCardSignature(async (kid, jku) => {
  const { keys } = await (await fetch(jku)).json();
  return keys.find((each) => each.kid === kid);
});

const resolver = new DefaultAgentCardResolver({ fetchImpl });
const card = await resolver.resolve(address + "/");
await verify(card);
saw.signed = true;
try {
  await verify({ ...card, description: "another" });
  saw.forgedIsTaken = true;
} catch {
  saw.forgedIsTaken = false;
}

const factory = new ClientFactory(
  ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
    transports: [
      new JsonRpcTransportFactory({ fetchImpl }),
      new RestTransportFactory({ fetchImpl }),
    ],
    preferredTransports: [binding],
    cardResolver: resolver,
  }),
);
const client = await factory.createFromAgentCard(card);
// It fetches the extended card. Version 1.3.0 takes its security schemes apart before it verifies
// one, and then finds no signature valid: the card as it came is verified instead.
const extended = await client.getAgentCard();
const raw = await fetchImpl(`${address}/extendedAgentCard`, { headers: { "A2A-Version": "1.0" } });
await verify(await raw.json());
saw.description = extended.description;

const begun = await client.sendMessage(message("begin", { text: "choose" }));
const id = begun.id ?? begun.payload.value.id;
const asked = await client.getTask(GetTaskRequest.fromJSON({ id }));
saw.asked = state(asked.status);
saw.question = Task.toJSON(asked).status.message.parts[0].text;

const config = { taskId: id, url: told, token: "js" };
await client.createTaskPushNotificationConfig(TaskPushNotificationConfig.fromJSON(config));
const list = ListTaskPushNotificationConfigsRequest.fromJSON({ taskId: id });
saw.told = (await client.listTaskPushNotificationConfig(list)).configs.length;

const listening = (async () => {
  const subscribe = SubscribeToTaskRequest.fromJSON({ id });
  const found = [];
  for await (const event of client.resubscribeTask(subscribe)) found.push(seen(event));
  return found;
})();

const streamed = [];
for await (const event of client.sendMessageStream(
  message("answer", { text: "blue" }, { taskId: id }),
)) {
  streamed.push(seen(event));
}
saw.streamed = streamed;

const waiting = Task.toJSON(await client.getTask(GetTaskRequest.fromJSON({ id })));
const wait = waiting.status.message.parts[1].data.waits_for[0];
saw.waits = [wait.kind, wait.tool];
const decision = { decision: "approve", call_id: wait.call_id, shown_digest: wait.shown_digest };
const done = await client.sendMessage(message("approve", { data: decision }, { taskId: id }));
const task = Task.toJSON(done.payload ? done.payload.value : done);
saw.done = task.status.state;
saw.result = task.artifacts[0].parts.map((part) => part.text ?? part.data);
saw.subscribed = await listening;

const other = await client.sendMessage(message("other", { text: "choose" }));
const otherId = other.id ?? other.payload.value.id;
const cancelled = await client.cancelTask(CancelTaskRequest.fromJSON({ id: otherId }));
saw.cancelled = state(cancelled.status);
try {
  await client.cancelTask(CancelTaskRequest.fromJSON({ id: otherId }));
} catch (error) {
  saw.again = error.constructor.name;
}
saw.tasks = (await client.listTasks(ListTasksRequest.fromJSON({}))).tasks.length;

console.log(JSON.stringify(saw));
