"""The experiment of absolute position: trained on synthetic images, tested on these and on photographs."""
