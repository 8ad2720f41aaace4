"""Print the number of parameters of each part of the miniature, in millions, as JSON.

python benchmarks/miniature_size.py [--record]
"""

import argparse
import json

from measured import add_record_option, record

from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.models.stacks.stack import Stack, resolve_stack

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
add_record_option(parser)
arguments = parser.parse_args()

stack = Stack(resolve_stack("miniature"))
decoder = stack.decoder()
parts = {
    "clip": stack.clip().model,
    "movq": decoder.movq,
    "prior": stack.prior(),
    "decoder": decoder.unet,
    "oracle": load_reader().oracle,
}
counts = {name: round(sum(each.numel() for each in part.parameters()) / 1e6, 3) for name, part in parts.items()}
print(json.dumps(counts, indent=1))
if arguments.record:
    record("miniature-size", "million parameters", counts)
