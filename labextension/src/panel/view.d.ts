declare const view: typeof import("../view/index").default;
export default view;
