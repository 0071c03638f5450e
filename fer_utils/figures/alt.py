"""Alt text of each saved figure: what it shows, for readers who do not see it, and true of every run."""

import re

ALT = {
    # 01
    "class_counts": "Bars: labelled images of each class in training and test, and each part's mix of classes.",
    "faces_by_class": "Sixty faces drawn by lot, two rows of ten for each of Angry, Happy and Neutral.",
    "mean_faces": "The mean face of each class, and below it the difference of every two of them in grey levels.",
    "pixel_distributions": "Three panels with a curve for each class: grey levels, brightness and contrast.",
    "accuracy_floor": "Accuracy with interval of three guessers: by majority, by brightness, by coarse pixels.",
    "conflicting_labels": "Identical images side by side that carry different labels, or the note that none do.",
    "surprising_labels": "Sixteen faces whose label a simple model finds least likely, with label and guess.",
    # 02
    "scaling": "A face with a marked patch, the patch as bytes from 0 to 255, and the same divided by 255.",
    "size_of_validation": "How many of the poster's printed accuracies each size of a validation set explains.",
    "stratification": "How far random splits miss each class's share, as dots; the stratified split, as a line.",
    "flip_and_rotation": "One face turned by five angles, as it is in the upper row and mirrored in the lower.",
    "one_face_many_times": "One face thirty times, each mirrored and turned by chance.",
    "same_distribution": "Two ways to rotate: the curves of their angles, and the mean image of each.",
    "batch_trap": "Eight faces as they are, rotated by torchvision on the batch, and rotated one by one.",
    # 03
    "architecture": "The network, from a 48 by 48 face over three blocks of ever smaller maps to three logits.",
    "parameters_and_work": "Bars by layer: its share of the parameters, and its share of the multiply-adds.",
    "first_filters": "A face, some 3 by 3 filters of the first layer, and the map that each makes of the face.",
    "activation_functions": "Step, softplus, ReLU and log of sigmoid from -5 to 5, each with its derivative.",
    "batch_norm": "Histograms of activations after the convolution, after ReLU and after batch normalisation.",
    "dropout_logits": "Histograms of one face's three logits over many passes with dropout switched on.",
    "one_batch": "The loss on one batch that is shown again and again, against the loss of knowing nothing.",
    # 04
    "training_curves": "Over the epochs: training and validation loss at the left, validation accuracy at the right.",
    "best_accuracies": "The best validation accuracy of each seed, with its interval.",
    "loss_difference": "By epoch, this course's training loss minus the poster's, against a band of tolerance.",
    # 05
    "evaluation_scores": "Accuracy with interval on all images and on parts of them, each seed, and the baselines.",
    "evaluation_classes": "The confusion matrix in per cent of each label, and each class's recall with interval.",
    "evaluation_calibration": "Accuracy against confidence in bins with intervals, above the images in each bin.",
    "evaluation_temperature": "Calibration before and after temperature scaling, and that of perfect calibration.",
    "evaluation_silence": "Share of wrong answers against share of images answered, with the threshold's dot.",
    "evaluation_mistakes": "Wrongly named faces, most confident first, each with its label and the model's answer.",
    "evaluation_probabilities": "Six faces, each beside bars with the model's probability of every class.",
    "evaluation_no_faces": "Noise, stripes and a black square, each beside the probabilities the model gives it.",
    "evaluation_saliency": "Six faces, and where a trained and an untrained network found evidence for their answer.",
    # 08
    "speed_steps": "Bars: seconds for 1,000 images from the reference over each step to the course, and the limit.",
    "speed_profile": "Bars: milliseconds of a batch that convolutions, other layers, optimizer and images take.",
    "time_to_accuracy": "Dots and lines: validation accuracy against seconds of training, with the two targets.",
    "fixed_budget": "Accuracy with interval of each seed of the fast recipe, and their mean with its own.",
    "ablations": "How the accuracy changes without each of four parts: each seed, the mean and its interval.",
    # 06
    "techniques_curves": "A panel for each recipe, with training and validation loss by epoch on one scale.",
    "techniques_differences": "What each technique adds to validation accuracy: each seed, the mean and its interval.",
    "techniques_grid": "A map of learning rate by batch size, with mean accuracy, spread and n in each field.",
    # 07
    "residual_block": "A residual block: two convolutions, a gate that weighs channels, and a shortcut round it all.",
    "channel_weights": "Three panels, one a block: the mean weight of every channel for Angry and for Happy faces.",
    "attention_compared": "Validation accuracy of each network and seed, and the paired differences between them.",
    "beyond_ladder": "Validation accuracy with interval after each added technique; hollow where it was taken back.",
    "beyond_scores": "Test accuracy with interval of the poster's network and the final ones, with and without leaks.",
}


def alt_text(source: str) -> str:
    """What the pictures of a notebook's cell show, from the names under which `source` saves its figures; or ""."""
    return " ".join(ALT.get(name, name.replace("_", " ")) for name in saved_figures(source))


def saved_figures(source: str) -> list[str]:
    """The names under which a notebook's cell saves its figures, where they are written out."""
    return re.findall(r'(?s)save_figure\(.*?"(\w+)"', source)
