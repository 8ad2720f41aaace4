"""What a plan says of itself."""

from lambda_studio.bundles.layouts.plan import Fault, PlannedPicture, PlannedSubject


def test_a_subject_counts_the_masks_that_lie_beside_its_pictures() -> None:
    pictures = (PlannedPicture("rex/0.jpg", "rex/0.mask.png"), PlannedPicture("rex/1.jpg"))
    assert PlannedSubject("rex", "dog", "given", "rex", pictures).masks == 1


def test_a_fault_is_told_with_its_place() -> None:
    assert str(Fault("rex/0.heic", "is empty")) == "rex/0.heic is empty"
