"""Words of the generated catalogues. Brands are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """How items of one taste are spoken of."""

    words: tuple[str, ...]
    materials: tuple[str, ...]
    colours: tuple[str, ...]


DEPARTMENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "Outdoors": {
        "Camping": ("Tent", "Sleeping Bag", "Sleeping Mat", "Camp Stove", "Lantern", "Cool Box"),
        "Cycling": ("Bike Helmet", "Pannier", "Bike Pump", "Bottle Cage", "Bike Light", "Saddle Cover"),
        "Angling": ("Fishing Rod", "Reel", "Tackle Box", "Landing Net", "Lure Set", "Wading Boots"),
    },
    "Kitchen": {
        "Coffee & Tea": ("Coffee Grinder", "Pour-Over Dripper", "Gooseneck Kettle", "Teapot", "Milk Frother", "Mug Set"),
        "Baking": ("Mixing Bowl", "Rolling Pin", "Loaf Tin", "Cake Stand", "Piping Set", "Kitchen Scale"),
        "Cookware": ("Frying Pan", "Stock Pot", "Casserole", "Chopping Board", "Paring Knife", "Colander"),
    },
    "Home Office": {
        "Desk Accessories": ("Desk Organizer", "Monitor Stand", "Desk Pad", "Pen Holder", "Document Tray", "Cable Box"),
        "Stationery": ("Notebook", "Fountain Pen", "Ink Bottle", "Weekly Planner", "Sticky Notes", "Pencil Case"),
        "Lighting": ("Desk Lamp", "Clip Light", "Floor Lamp", "Light Strip", "Reading Light", "Lamp Shade"),
    },
    "Music": {
        "Guitar": ("Acoustic Guitar", "Guitar Strap", "String Set", "Clip-On Tuner", "Capo", "Guitar Stand"),
        "Recording": ("Microphone", "Pop Filter", "Audio Interface", "Studio Headphones", "Mic Arm", "Isolation Shield"),
        "Percussion": ("Cajon", "Drumsticks", "Practice Pad", "Shaker", "Cymbal Felt Set", "Tambourine"),
    },
}
"""Department -> category -> products, in the order in which one tends to follow another."""

STYLES: dict[str, Style] = {
    "rugged": Style(
        words=("Rugged", "Heavy-Duty", "Reinforced", "Weatherproof"),
        materials=("Steel", "Nylon", "Rubber"),
        colours=("Black", "Olive", "Orange"),
    ),
    "minimal": Style(
        words=("Minimalist", "Slim", "Understated", "Sleek"),
        materials=("Aluminium", "Glass", "Felt"),
        colours=("White", "Grey", "Sand"),
    ),
    "vintage": Style(
        words=("Vintage", "Retro", "Heritage", "Antique-Look"),
        materials=("Leather", "Oak", "Brass"),
        colours=("Burgundy", "Mustard", "Cream"),
    ),
    "green": Style(
        words=("Recycled", "Organic", "Plant-Based", "Biodegradable"),
        materials=("Bamboo", "Cotton", "Cork"),
        colours=("Forest Green", "Terracotta", "Moss"),
    ),
    "travel": Style(
        words=("Foldable", "Pocket-Size", "Lightweight", "Collapsible"),
        materials=("Silicone", "Mesh", "Titanium"),
        colours=("Navy", "Teal", "Sky Blue"),
    ),
}
"""A taste and what shows it: words that only its items bear, materials and colours that most of them have."""

BRANDS: dict[str, tuple[str, ...]] = {
    "Outdoors": ("Fellgrove", "Torrawick", "Halbermoor", "Quillon Peak", "Ostrava Trail", "Brackenhide"),
    "Kitchen": ("Marlowick", "Pantrello", "Ember & Oat", "Sorrelby", "Kesselton", "Tavolina"),
    "Home Office": ("Papernorth", "Deskelia", "Lumafold", "Inkwell Row", "Ordino", "Planquist"),
    "Music": ("Tonewick", "Resonet", "Cadenzo", "Brightfret", "Halftone Audio", "Rimshot Co"),
}

TIERS = ("Basic", "Standard", "Premium")

SENTENCES = (
    "{word} {product} in {colour} {material}, made for {category} at home and away.",
    "{word} by design: this {product} combines {colour} {material} with everyday use.",
    "For friends of {category}: {colour} {product}, {word} and made of {material}.",
    "This {product} is {word}, comes in {colour}, and adds {material} to your {category} kit.",
)
