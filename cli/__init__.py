"""The command line: parse, call one method of `lambda_studio.studio.Studio`, print. No logic, SQL or tensors."""
