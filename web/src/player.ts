import { define } from "./element";

class Player extends HTMLElement {}

define("nmp-player", Player);
