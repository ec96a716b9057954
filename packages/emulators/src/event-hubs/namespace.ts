import { AmqpError } from "../amqp/amqp-error.ts";
import type { AttachRequest, LinkHandler } from "../amqp/attach-request.ts";
import { claimsBasedSecurity, type TokenCheck, type TokenRequest } from "../amqp/cbs.ts";
import type { IncomingLink } from "../amqp/incoming-link.ts";
import type { OutgoingLink } from "../amqp/outgoing-link.ts";
import type { RequestResponse } from "../amqp/request-response.ts";
import type { Clock } from "../clock.ts";
import type { Access } from "../shared-access/access.ts";
import { hubOf, parseAddress } from "./address.ts";
import { invalidAddress, notFound } from "./conditions.ts";
import type { FaultPlan } from "./fault-plan.ts";
import type { Hub } from "./hub.ts";
import type { Hubs } from "./hubs.ts";
import { acceptReceiver } from "./links/receive-link.ts";
import { acceptSender } from "./links/send-link.ts";
import type { Partition } from "./partition.ts";
import { propertiesNode } from "./properties-node.ts";

export interface LinkView {
  readonly hub: Hub;
  /** Of a sender, only when it sends to one partition. */
  readonly partition: Partition | undefined;
  readonly role: "sender" | "receiver";
}

const MAX_REQUEST_BYTES = 256 * 1024;

/** Answers links: what an Event Hubs namespace is on the wire. */
export class Namespace implements LinkHandler {
  readonly links = new Map<IncomingLink | OutgoingLink, LinkView>();
  private readonly hubs: Hubs;
  private readonly faults: FaultPlan;
  private readonly clock: Clock;
  private readonly access: Access;
  private readonly cbs: RequestResponse;
  private readonly properties: RequestResponse;

  constructor(hubs: Hubs, faults: FaultPlan, clock: Clock, access: Access, check: TokenCheck) {
    this.hubs = hubs;
    this.faults = faults;
    this.clock = clock;
    this.access = access;
    this.cbs = claimsBasedSecurity((token, connection) =>
      access.put(connection, token, hubOf(token.audience) ?? "", () => check(token) ?? this.missing(token)),
    );
    this.properties = propertiesNode(hubs, faults, access);
  }

  attach(request: AttachRequest): void {
    if (this.faults.holdsAttach) return;
    try {
      this.route(request);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      request.refuse(error);
    }
  }

  private route(request: AttachRequest): void {
    if (request.address.toLowerCase() === "$cbs") {
      this.cbs.attach(request, MAX_REQUEST_BYTES);
      return;
    }
    const address = parseAddress(request.address);
    if (address.kind === "management") {
      this.properties.attach(request, MAX_REQUEST_BYTES);
      return;
    }
    const isSender = request.role === "sender";
    if (isSender !== (address.kind === "hub")) throw invalidAddress(request.address);
    const resource = { path: request.address, entity: address.hub };
    this.access.demand(request.session.connection, resource, isSender ? "Send" : "Listen");
    const hub = this.hubs.get(address.hub, request.address);
    const partition = address.partition === undefined ? undefined : hub.partition(address.partition);
    const forget = () => void this.links.delete(link);
    const link: IncomingLink | OutgoingLink =
      address.kind === "hub"
        ? acceptSender(request, hub, partition, this.faults, forget)
        : this.receiver(request, partition!, address.group, forget);
    this.links.set(link, { hub, partition, role: request.role });
  }

  /** The service knows while it takes a token whether there is what the token is for. */
  private missing({ audience }: TokenRequest): ReturnType<TokenCheck> {
    const hub = hubOf(audience);
    if (hub === undefined || this.hubs.has(hub)) return undefined;
    return { status: 404, description: notFound(audience).message };
  }

  private receiver(request: AttachRequest, partition: Partition, group: string, onClosed: () => void): OutgoingLink {
    const readers = partition.readersOf(group);
    if (readers === undefined) throw notFound(request.address);
    return acceptReceiver(request, partition, readers, this.clock, onClosed);
  }
}
