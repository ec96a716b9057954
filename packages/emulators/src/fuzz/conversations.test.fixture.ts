import { ACCEPTED } from "../amqp/delivery-state.ts";
import { Encoder } from "../amqp/encode.ts";
import {
  ATTACH,
  BEGIN,
  CLOSE,
  DETACH,
  DISPOSITION,
  END,
  FLOW,
  frame,
  OPEN,
  performative,
  SASL_INIT,
  TRANSFER,
} from "../amqp/performative.ts";
import { AMQP_HEADER, SASL_HEADER } from "../amqp/sasl.ts";
import { Described, int, long, sym, TypedArray, Uuid, ubyte, uint } from "../amqp/values.ts";
import { writeMessage } from "../amqp/write-message.ts";

/** What peers say that do everything right, piece by piece: headers and frames. */
export type Conversation = readonly Buffer[];

const HELLO: Conversation = [
  SASL_HEADER,
  frame(0, performative(SASL_INIT, [sym("ANONYMOUS")]), 0, 1),
  AMQP_HEADER,
  frame(0, performative(OPEN, ["peer", "localhost", uint(65_536), null, uint(60_000)])),
  frame(0, performative(BEGIN, [null, uint(0), uint(2_048), uint(2_048)])),
];
const BYE: Conversation = [frame(0, performative(END, [])), frame(0, performative(CLOSE, []))];

const source = (address: string, filter?: ReadonlyMap<unknown, unknown>) =>
  performative(0x28, [address, null, null, null, null, null, null, filter]);
const target = (address: string) => performative(0x29, [address]);

const attachSender = (handle: number, address: string) =>
  frame(
    0,
    performative(ATTACH, [
      `s${handle}`,
      uint(handle),
      false,
      ubyte(0),
      ubyte(0),
      source("me"),
      target(address),
      null,
      null,
      uint(0),
    ]),
  );
const attachReceiver = (
  handle: number,
  address: string,
  filter?: ReadonlyMap<unknown, unknown>,
  properties?: ReadonlyMap<unknown, unknown>,
) =>
  frame(
    0,
    performative(ATTACH, [
      `r${handle}`,
      uint(handle),
      true,
      ubyte(0),
      ubyte(1),
      source(address, filter),
      target(`r${handle}`),
      ...Array(6).fill(null),
      properties,
    ]),
  );
const flow = (handle: number, credit: number, drain = false) =>
  frame(
    0,
    performative(FLOW, [uint(0), uint(2_048), uint(0), uint(2_048), uint(handle), uint(0), uint(credit), null, drain]),
  );
const transfer = (handle: number, id: number, payload: Buffer, format = 0) =>
  Buffer.concat([
    frame(0, performative(TRANSFER, [uint(handle), uint(id), Buffer.from([id]), uint(format), false]), payload.length),
    payload,
  ]);
const accept = (id: number) => frame(0, performative(DISPOSITION, [true, uint(id), uint(id), false, ACCEPTED]));
const detach = (handle: number) => frame(0, performative(DETACH, [uint(handle), true]));

const section = (code: number, value: unknown) => new Encoder().value(new Described(code, value)).finish();
const BARE = writeMessage({
  body: "hello",
  messageId: "m-1",
  sessionId: "s",
  partitionKey: "s",
  contentType: "text/plain",
  properties: { n: 1, text: "ä", yes: true },
});
/** With every section that there is. */
const MESSAGE = Buffer.concat([
  section(0x70, [true, ubyte(4), uint(60_000), null, uint(0)]),
  section(0x71, new Map([[sym("x-a"), 1]])),
  section(
    0x72,
    new Map<unknown, unknown>([
      [sym("x-opt-partition-key"), "s"],
      [sym("x-b"), new TypedArray("long", [1])],
    ]),
  ),
  // Without its own annotations, which come before the properties.
  BARE.subarray(BARE.indexOf(Buffer.from([0x00, 0x53, 0x73]))),
  section(0x78, new Map([[sym("x-c"), "footer"]])),
]);
const dataSection = (bytes: Buffer) => section(0x75, bytes);
const BATCH = Buffer.concat([dataSection(MESSAGE), dataSection(MESSAGE)]);
const BATCH_FORMAT = 0x80013700;

function request(operation: string, body: unknown, more: ReadonlyMap<string, unknown> = new Map()): Buffer {
  const encoder = new Encoder();
  encoder.value(new Described(0x73, ["id-1", null, null, null, "r9"]));
  encoder.value(new Described(0x74, new Map<string, unknown>([["operation", operation], ...more])));
  encoder.value(new Described(0x77, body));
  return encoder.finish();
}

const TOKEN = new Uuid(Buffer.alloc(16, 7));
/** Every operation of the management node, each with a body that it takes. */
const REQUESTS: readonly Buffer[] = [
  ["com.microsoft:peek-message", { "from-sequence-number": long(1), "message-count": int(5) }],
  ["com.microsoft:renew-lock", { "lock-tokens": new TypedArray("uuid", [TOKEN]) }],
  [
    "com.microsoft:update-disposition",
    {
      "disposition-status": "abandoned",
      "lock-tokens": new TypedArray("uuid", [TOKEN]),
      "properties-to-modify": new Map(),
    },
  ],
  [
    "com.microsoft:receive-by-sequence-number",
    { "sequence-numbers": new TypedArray("long", [1]), "receiver-settle-mode": uint(1) },
  ],
  ["com.microsoft:schedule-message", { messages: [new Map([["message", MESSAGE]])] }],
  ["com.microsoft:cancel-scheduled-message", { "sequence-numbers": new TypedArray("long", [1]) }],
  ["com.microsoft:batch-delete-messages", { "message-count": int(0) }],
  ["com.microsoft:renew-session-lock", { "session-id": "s" }],
  ["com.microsoft:get-session-state", { "session-id": "s" }],
  ["com.microsoft:set-session-state", { "session-id": "s", "session-state": Buffer.from("x") }],
  ["com.microsoft:get-message-sessions", { skip: int(0), top: int(10) }],
  [
    "com.microsoft:add-rule",
    {
      "rule-name": "r",
      "rule-description": new Map([["sql-filter", new Map([["expression", "a = 1 AND b LIKE 'x%'"]])]]),
    },
  ],
  ["com.microsoft:enumerate-rules", { skip: int(0), top: int(10) }],
  ["com.microsoft:remove-rule", { "rule-name": "none" }],
].map(([operation, body]) => request(String(operation), new Map(Object.entries(body as object))));

const sending = (address: string): Conversation => [
  ...HELLO,
  attachSender(0, address),
  transfer(0, 0, MESSAGE),
  transfer(0, 1, BATCH, BATCH_FORMAT),
  detach(0),
  ...BYE,
];
const managing = (address: string, requests: readonly Buffer[]): Conversation => [
  ...HELLO,
  attachSender(8, address),
  attachReceiver(9, address),
  flow(9, 100),
  ...requests.map((bytes, id) => transfer(8, id, bytes)),
  ...BYE,
];
const cbs = managing("$cbs", [
  request(
    "put-token",
    "SharedAccessSignature …",
    new Map([
      ["name", "sb://localhost/q"],
      ["type", "jwt"],
    ]),
  ),
]);

export const SERVICE_BUS: readonly Conversation[] = [
  cbs,
  sending("q"),
  sending("t"),
  sending("ordered"),
  [...HELLO, attachReceiver(0, "q"), flow(0, 2), accept(0), flow(0, 0, true), detach(0), ...BYE],
  [
    ...HELLO,
    attachReceiver(0, "ordered", new Map([[sym("com.microsoft:session-filter"), "s"]])),
    flow(0, 1),
    accept(0),
    ...BYE,
  ],
  [...HELLO, attachReceiver(0, "t/Subscriptions/all/$DeadLetterQueue"), flow(0, 1), ...BYE],
  managing("q/$management", REQUESTS),
  managing("ordered/$management", REQUESTS),
  managing("t/Subscriptions/all/$management", REQUESTS),
];

const selector = (text: string) =>
  new Map([[sym("apache.org:selector-filter:string"), new Described(0x468c00000004, text)]]);
const READ = new Map<string, unknown>([
  ["name", "hub"],
  ["type", "com.microsoft:partition"],
  ["partition", "0"],
]);

export const EVENT_HUBS: readonly Conversation[] = [
  cbs,
  sending("hub"),
  sending("hub/Partitions/1"),
  [
    ...HELLO,
    attachReceiver(0, "hub/ConsumerGroups/$Default/Partitions/0", selector("amqp.annotation.x-opt-offset > '-1'")),
    flow(0, 10),
    ...BYE,
  ],
  [
    ...HELLO,
    attachReceiver(
      0,
      "hub/ConsumerGroups/$Default/Partitions/1",
      selector("amqp.annotation.x-opt-sequence-number > '0'"),
      new Map([[sym("com.microsoft:epoch"), long(3)]]),
    ),
    flow(0, 10),
    ...BYE,
  ],
  managing("$management", [
    request("READ", null, READ),
    request("READ", null, new Map([...READ, ["type", "com.microsoft:eventhub"]])),
  ]),
];
