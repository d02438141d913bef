import { mount } from "svelte";
import "@fontsource-variable/figtree/wght.css";
import "./theme/theme.css";
import App from "./App.svelte";
import { Desk } from "./desk.svelte.ts";
import { textsFor } from "./texts.ts";

const texts = textsFor(navigator.languages);
document.documentElement.lang = texts.language;

const desk = new Desk();
const target = document.getElementById("page");
if (target) mount(App, { target, props: { desk, texts } });
desk.begin();
