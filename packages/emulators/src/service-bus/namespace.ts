import { AmqpError } from "../amqp/amqp-error.ts";
import type { AttachRequest, LinkHandler } from "../amqp/attach-request.ts";
import { claimsBasedSecurity, type TokenCheck, type TokenRequest } from "../amqp/cbs.ts";
import type { IncomingLink } from "../amqp/incoming-link.ts";
import type { OutgoingLink } from "../amqp/outgoing-link.ts";
import type { RequestResponse } from "../amqp/request-response.ts";
import type { Access } from "../shared-access/access.ts";
import type { AccessRight } from "../shared-access/access-policy.ts";
import { type Address, parseAddress } from "./broker/address.ts";
import type { Broker } from "./broker/broker.ts";
import { entityDisabled, notAllowed, notFound } from "./broker/conditions.ts";
import { type Entity, pathOf } from "./broker/entity.ts";
import type { FaultPlan } from "./fault-plan.ts";
import { type IdleWatch, watchIdle } from "./links/idle-links.ts";
import { acceptReceiver } from "./links/receive-link.ts";
import { acceptSender } from "./links/send-link.ts";
import { acceptSession, SESSION_FILTER } from "./links/session-link.ts";
import { managementNode } from "./management/management-node.ts";

type AnyLink = IncomingLink | OutgoingLink;

const MAX_REQUEST_BYTES = 1024 * 1024 + 65_536;

/** Answers links: what a Service Bus namespace is on the wire. */
export class Namespace implements LinkHandler {
  private readonly broker: Broker;
  private readonly faults: FaultPlan;
  private readonly access: Access;
  private readonly cbs: RequestResponse;
  private readonly management = new Map<string, RequestResponse>();
  private readonly links = new Map<AnyLink, Entity>();
  readonly commit: () => void;

  constructor(broker: Broker, faults: FaultPlan, access: Access, check: TokenCheck, commit: () => void) {
    this.broker = broker;
    this.commit = commit;
    this.faults = faults;
    this.access = access;
    this.cbs = claimsBasedSecurity((token, connection) =>
      access.put(connection, token, parseAddress(token.audience).name, () => check(token) ?? this.missing(token)),
    );
    broker.onRemoved = (entity) => {
      this.management.clear();
      this.detachAll(entity, notFound(pathOf(entity)));
    };
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

  /** Links of one entity, or of all, end with this error. Returns how many. */
  detachAll(entity: Entity | undefined, error: AmqpError): number {
    const ended = [...this.links].filter(([, of]) => entity === undefined || of === entity);
    for (const [link] of ended) link.close(error);
    return ended.length;
  }

  /** The service has no token to take for what is not there. */
  private missing({ audience }: TokenRequest): ReturnType<TokenCheck> {
    const address = parseAddress(audience);
    if (address.name === "") return undefined;
    try {
      this.broker.resolve(address);
      return undefined;
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      return { status: 404, description: error.message };
    }
  }

  private route(request: AttachRequest): void {
    if (request.address.toLowerCase() === "$cbs") {
      this.cbs.attach(request, MAX_REQUEST_BYTES);
      return;
    }
    const address = parseAddress(request.address);
    this.demand(request, address, !address.isManagement && request.role === "sender" ? "Send" : "Listen");
    if (address.isManagement) this.managementOf(address).attach(request, MAX_REQUEST_BYTES);
    else if (request.role === "sender") this.sender(request, address);
    else this.receiver(request, address);
  }

  /** Before it is looked for: who may not use it learns nothing of it. All that `$management` does is a receiver's, as documented. */
  private demand({ session, address }: AttachRequest, { name }: Address, right: AccessRight): void {
    this.access.demand(session.connection, { path: address, entity: name }, right);
  }

  private managementOf(address: Address): RequestResponse {
    this.broker.resolve(address);
    // Not the text that the peer wrote: it can write one address in any number of ways.
    const key = `${address.name}\n${address.subscription ?? ""}\n${address.store}`.toLowerCase();
    let node = this.management.get(key);
    if (node === undefined) {
      node = managementNode(this.broker, address, this.faults);
      this.management.set(key, node);
    }
    return node;
  }

  private sender(request: AttachRequest, address: Address): void {
    const entity = this.broker.resolve(address);
    if (entity.kind === "subscription" || address.store !== "main")
      throw notAllowed("Messages are sent to a queue or a topic.");
    const { status } = entity.settings;
    if (status === "Disabled" || status === "SendDisabled") throw entityDisabled(entity.name);
    let idle: IdleWatch | undefined;
    const link: IncomingLink = acceptSender(request, this.broker, entity, this.faults, {
      onActivity: () => {
        this.broker.touch(entity);
        idle?.active();
      },
      onClosed: () => {
        this.links.delete(link);
        idle?.stop();
      },
    });
    idle = watchIdle(this.broker.clock, link);
    this.links.set(link, entity);
  }

  private receiver(request: AttachRequest, address: Address): void {
    const { entity, store } = this.broker.store(address);
    const { status, forwardTo } = entity.settings;
    if (status === "Disabled" || status === "ReceiveDisabled") throw entityDisabled(pathOf(entity));
    if (forwardTo !== undefined && address.store === "main")
      throw notAllowed(`'${pathOf(entity)}' forwards its messages; nothing is received from it.`);
    const wantsSession = request.filter.has(SESSION_FILTER);
    if (wantsSession && !store.requiresSession)
      throw notAllowed(
        `A sessionful message receiver cannot be created on an entity that does not require sessions. Entity: '${pathOf(entity)}'.`,
      );
    if (!wantsSession && store.requiresSession)
      throw notAllowed(
        `It is not possible for an entity that requires sessions to create a non-sessionful message receiver. Entity: '${pathOf(entity)}'.`,
      );
    let opened: OutgoingLink | undefined;
    let idle: IdleWatch | undefined;
    const options = {
      onClosed: () => {
        if (opened !== undefined) this.links.delete(opened);
        idle?.stop();
      },
      onActivity: () => {
        this.broker.touch(entity);
        idle?.active();
      },
    };
    const onOpen = (link: OutgoingLink) => {
      opened = link;
      this.links.set(link, entity);
    };
    if (wantsSession) acceptSession(request, store, this.broker.clock, { ...options, onOpen });
    else {
      const link = acceptReceiver(request, store, options);
      onOpen(link);
      idle = watchIdle(this.broker.clock, link);
    }
  }
}
