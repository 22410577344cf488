/** Names of the objects in the bucket. Nothing else in the Worker writes such a name. */
export const blobKey = {
  chunk: (id: string) => `chunks/${id}`,
  profile: (id: string) => `profiles/${id}`,
  manifest: (id: string) => `contexts/${id}/manifest`,
  tokens: (id: string) => `contexts/${id}/tokens`,
};
