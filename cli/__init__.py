"""Words from a person -> one call of `lambda_studio.studio.Studio` -> words back. No logic, no SQL, no tensors."""
