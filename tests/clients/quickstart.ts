// The API's quick start by a client whose types were generated from its description.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
type Given = { url: string; key: string; token: string; flow: string; number: string };

const { url, key, token, flow, number }: Given = JSON.parse(process.argv[2] ?? "{}");
const dering = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

function told<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail ?? "no answer");
  return answer.data;
}

told(await dering.POST("/v1/contacts", { body: { contact_id: "ts01", phone_number: number, name: "Alex" } }));
const metadata = { amount: "120 dollars", due: "Friday", items: [{ id: 7, open: true }] };
const made = told(await dering.POST("/v1/calls", { body: { contact_id: "ts01", type: "voice", flow, metadata } }));
if (!("call_id" in made)) throw new Error("only looked ahead");
const { call_id } = made;

const events = told(
  await dering.GET("/v1/calls/{call_id}/events", {
    params: { path: { call_id } }, headers: { Accept: "text/event-stream" }, parseAs: "stream",
  }),
) as unknown as ReadableStream<Uint8Array>;
let text = "";
const decoder = new TextDecoder();
for await (const part of events as unknown as AsyncIterable<Uint8Array>) text += decoder.decode(part, { stream: true });
const lines = text.split("\n").filter((line) => line.startsWith("data: {"));
const kinds: string[] = lines.map((line) => JSON.parse(line.slice("data: ".length)).kind);

const call = told(await dering.GET("/v1/calls/{call_id}", { params: { path: { call_id } } }));
const dialled = told(
  await dering.POST("/api/1.1/public/bot/{bot_id}/smartassist/dialout", {
    params: { path: { bot_id: flow } }, headers: { auth: token },
    body: { target: `tel:${number}`, metadata },
  }),
);
const refused = await dering.POST("/v1/calls", { body: { contact_id: "nobody", type: "voice", flow } });
console.log(JSON.stringify({
  call, kinds, dialled: "callId" in dialled ? dialled.callId : null,
  refused: refused.error?.code, explained: refused.error?.type,
}));
