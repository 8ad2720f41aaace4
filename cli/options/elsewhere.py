"""Options of other trainers that have no equal here, and what does their work."""

import click

from cli.options.settings_file import SetByEnvironment

NONE = "and no option changes it."
IN_STEPS = "It counts in steps here: "
NO_CLASS = "There are no class pictures. To learn a subject in other scenes: --conditions scenes."
RUNS = "Runs are files in the home: --home FOLDER."
OF_TRAINERS = {
    "--adam-beta1": f"AdamW's betas are 0.9 and 0.999, {NONE}",
    "--adam-beta2": f"AdamW's betas are 0.9 and 0.999, {NONE}",
    "--adam-epsilon": f"AdamW's epsilon is 1e-8, {NONE}",
    "--allow-tf32": f"TF32 is on where the GPU has it, {NONE} For faster steps: --mixed-precision bf16.",
    "--center-crop": "The largest square with the subject is learnt of each picture. For other crops: --variants.",
    "--checkpoints-total-limit": f"The last two checkpoints are kept, {NONE}",
    "--class-prompt": NO_CLASS,
    "--instance-data-dir": "Pictures are added first: studio add-concept NAME IMAGE... --noun NOUN.",
    "--instance-prompt": "A concept is called by its name: studio finetune NAME. For captions: studio concepts edit.",
    "--logging-dir": RUNS,
    "--network-alpha": "It is --lora-alpha here.",
    "--network-dim": "It is --rank here.",
    "--noise-offset": f"There is no noise offset, {NONE}",
    "--num-train-epochs": f"{IN_STEPS}--steps.",
    "--num-validation-images": "Each --preview PROMPT is drawn once. For more pictures, repeat it.",
    "--output-dir": f"{RUNS} To write an adapter elsewhere afterwards: studio adapters export ID FOLDER.",
    "--pretrained-model-name-or-path": "The models are those of the stack: --stack NAME.",
    "--resume-from-checkpoint": "Give --resume, without a value: it resumes the newest unfinished run.",
    "--scale-lr": "Give the rate that shall count: --learning-rate.",
    "--train-data-dir": "Pictures are added first: studio add-concept NAME IMAGE... --noun NOUN.",
    "--validation-epochs": f"{IN_STEPS}--preview-every.",
    "--validation-prompts": "Give --preview PROMPT, and repeat it for more.",
    "--with-prior-preservation": NO_CLASS,
}
"""What is said of an option of diffusers' and kohya's scripts."""


class TrainerCommand(SetByEnvironment):
    """A command that says of the options of other trainers which of its own do their work."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Raises UsageError for an option of another trainer."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if said := OF_TRAINERS.get(error.option_name):
                raise click.UsageError(f"There is no option {error.option_name}. {said}", ctx) from error
            raise
