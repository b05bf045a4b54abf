"""What a reader sees and hears: the player, the explorables and the book's one plot style."""

from .embed import Html
from .explore import explore
