import {
  AnonymousCredential,
  BlobServiceClient,
  ContainerClient,
  type StoragePipelineOptions,
  type StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { claimErrors } from "../claim-errors.ts";

/** What `@azure/identity` credentials look like. */
interface TokenCredential {
  getToken(scopes: string | string[], options?: unknown): Promise<{ token: string; expiresOnTimestamp: number } | null>;
}

/** Exactly one of: `connectionString`; `endpoint` with `credential`; `containerUrl` with a SAS in it. */
export interface BlobStoreOptions {
  readonly connectionString?: string;
  /** `https://ACCOUNT.blob.core.windows.net`. */
  readonly endpoint?: string;
  readonly credential?: TokenCredential | StorageSharedKeyCredential;
  /** Of the container, its SAS included: it needs create, write and read. */
  readonly containerUrl?: string;
  /** 3 to 63 of a-z, 0-9 and single hyphens. Not with `containerUrl`. Default `waybill-claims`. */
  readonly container?: string;
  /** Make the container when it is not there. Default true; false where the credentials may not. */
  readonly createContainer?: boolean;
  /** How long one call may take. Default 30 000. */
  readonly requestTimeoutMs?: number;
}

export interface Container {
  readonly client: ContainerClient;
  /** Its address without SAS, with a slash at the end. */
  readonly url: string;
  readonly create: boolean;
  readonly requestTimeoutMs: number;
}

const KNOWN: Readonly<Record<keyof BlobStoreOptions, true>> = {
  connectionString: true,
  endpoint: true,
  credential: true,
  containerUrl: true,
  container: true,
  createContainer: true,
  requestTimeoutMs: true,
};

/** Checks the options and makes the SDK's client; no I/O. The SDK tries once: what passes is tried again by core. */
export function openContainer(options: BlobStoreOptions): Container {
  for (const option of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, option))
      throw refused(option, `does not exist; there are ${Object.keys(KNOWN).join(", ")}`);
  }
  const { container = "waybill-claims", createContainer = true, requestTimeoutMs = 30_000 } = options;
  if (!/^[a-z0-9](-?[a-z0-9]){2,62}$/.test(container) || container.length > 63) {
    throw refused("container", "must be 3 to 63 of a-z, 0-9 and single hyphens inside");
  }
  if (!(requestTimeoutMs >= 100 && requestTimeoutMs <= 600_000)) {
    throw refused("requestTimeoutMs", "must be between 100 and 600000 milliseconds");
  }
  const client = connect(options, container);
  const url = new URL(client.url);
  url.search = "";
  return {
    client,
    url: `${url.href.replace(/\/$/, "")}/`,
    create: createContainer && options.containerUrl === undefined,
    requestTimeoutMs,
  };
}

function connect(options: BlobStoreOptions, container: string): ContainerClient {
  const { connectionString, endpoint, credential, containerUrl } = options;
  const ways = [connectionString, endpoint ?? credential, containerUrl].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw refused("connectionString", "or endpoint with credential, or containerUrl: exactly one must be given");
  const pipeline: StoragePipelineOptions = { retryOptions: { maxTries: 1 } };
  if (endpoint !== undefined && credential === undefined) throw refused("credential", "is missing beside endpoint");
  if (containerUrl !== undefined && options.container !== undefined) {
    throw refused("container", "stands in containerUrl already");
  }
  try {
    if (containerUrl !== undefined) return new ContainerClient(containerUrl, new AnonymousCredential(), pipeline);
    const service =
      connectionString !== undefined
        ? BlobServiceClient.fromConnectionString(connectionString, pipeline)
        : new BlobServiceClient(endpoint as string, credential as StorageSharedKeyCredential, pipeline);
    return service.getContainerClient(container);
  } catch {
    // The SDK's own error may quote what it was given.
    const option =
      connectionString !== undefined ? "connectionString" : endpoint !== undefined ? "endpoint" : "containerUrl";
    throw refused(option, "is not understood");
  }
}

function refused(option: string, problem: string): Error {
  return claimErrors.WB_CLAIM_STORE_OPTION({ store: "blob", option, problem });
}
