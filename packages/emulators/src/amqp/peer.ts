/** Who is at the other end of a connection. */
export interface Peer {
  /** It reads too slowly: so much waits for it that it gets no more messages. */
  readonly congested: boolean;
  /** Cuts the socket, as a network does. */
  cut(): void;
}

/** A session that a peer has opened. */
export interface PeerSession {
  readonly connection: Peer;
}
