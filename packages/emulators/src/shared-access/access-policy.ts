/** Manage includes the other two. */
export const ACCESS_RIGHTS = ["Manage", "Send", "Listen"] as const;
export type AccessRight = (typeof ACCESS_RIGHTS)[number];

/** A named pair of keys, and what they let their holder do. */
export interface AccessPolicy {
  /** `SharedAccessKeyName` in a connection string. */
  readonly keyName: string;
  /** `SharedAccessKey`; either key opens. */
  readonly primaryKey: string;
  readonly secondaryKey?: string | undefined;
  readonly rights: readonly AccessRight[];
  /** The queue, topic or hub that it opens, in any case. Default: the whole namespace. */
  readonly entity?: string | undefined;
}

/** In every connection string that an emulator prints. */
export const ROOT_POLICY: AccessPolicy = {
  keyName: "RootManageSharedAccessKey",
  primaryKey: "SAS_KEY_VALUE",
  rights: ["Manage", "Send", "Listen"],
};
